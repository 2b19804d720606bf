import { AppError } from '../errors.ts'
import { endSessionsOf } from './accounts.ts'
import type { OfficerDeps } from './deps.ts'
import { change } from './own-account.ts'
import { endSession, type Session } from './sessions.ts'

/** Ends one of the officer's own sessions. Throws AppError not-found where none of theirs has this id. */
export function endOwnSession(deps: OfficerDeps, session: Session, id: string): Promise<void> {
  return change(deps, session, 'session.end', async (tx) => {
    if (await endSession(tx, session.officer, id)) return
    throw new AppError('not-found', 'You have no session of this id.')
  })
}

/** Signs the officer out everywhere, here too. */
export function endAllSessions(deps: OfficerDeps, session: Session): Promise<void> {
  return change(deps, session, 'session.end', async (tx) => {
    await endSessionsOf(tx, session.officer)
  })
}
