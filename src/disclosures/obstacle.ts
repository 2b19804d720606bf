import { AppError, type ErrorKind } from '../errors.ts'
import type { Obstacle } from './state.ts'

const SAID: Readonly<Record<Obstacle, readonly [ErrorKind, string]>> = {
  'own-request': ['forbidden', 'Another officer has to do this: nobody decides about their own request.'],
  'not-your-request': ['forbidden', 'Only who asked may read.'],
  'request-decided': ['conflict', 'This request was decided already, or is an emergency, which nobody approves.'],
  'request-expired': ['conflict', 'This request was not decided in time: ask anew.'],
  'request-void': ['conflict', 'Who asked or approved is not in that role any more: ask anew.'],
  'not-approved': ['conflict', 'Another officer has to approve this first.'],
  'not-open-yet': ['conflict', 'An emergency opens 15 minutes after it was asked.'],
  'request-refused': ['conflict', 'This request was refused.'],
  'reads-used-up': ['conflict', 'Every read that was approved is used up.'],
  'grant-expired': ['conflict', 'The time that was approved is over.'],
  'no-emergency': ['conflict', 'Only emergencies are reviewed.'],
  'not-over-yet': [
    'conflict',
    'An emergency is reviewed once nothing can be read under it any more; until then it can be stopped.',
  ],
  'reviewed-already': ['conflict', 'This emergency was reviewed already.'],
}

/** What stands in the way, in words for an officer. */
export function obstacleError(obstacle: Obstacle): AppError {
  const [kind, message] = SAID[obstacle]
  return new AppError(kind, message, { code: obstacle })
}
