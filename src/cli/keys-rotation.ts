import { type Command, Option } from 'commander'
import { z } from 'zod'
import { AppError } from '../errors.ts'
import { subjectId } from '../event/ids.ts'
import { readClassNames } from '../eventlog/partitions.ts'
import { uncopiedKeys } from '../keys/backup.ts'
import { destroyKeys } from '../keys/destroy.ts'
import { type KeyDeps, ROLLABLE, type Rollable, rollKey } from '../keys/roll.ts'
import { keepKeys } from '../keys/schedule.ts'
import { keysStatus } from '../keys/status.ts'
import { renewAllKeys, renewSubjectKey } from '../pipeline/renew-subject-key.ts'
import { answer, type CommonOptions, example, showProgress } from './output.ts'
import { type WithKeys, withKeys } from './with-keys.ts'

const WEIR = 'npm run -s weir -- keys'

const classOption = (): Option =>
  new Option('--class <class>', 'which key').choices([...ROLLABLE]).makeOptionMandatory()

export function registerRotate(rotate: Command): void {
  rotate.description('replace a key by a new one, while events flow; the old one opens until it is destroyed')
  rotate.addOption(classOption())
  rotate.addHelpText('after', example(`${WEIR} rotate --class epoch`, `${WEIR} rotate --class epoch --json`))
  rotate.action((options: CommonOptions & { class: Rollable }) =>
    withKeys(async (context) => {
      const rolled = await rollKey(await depsOf(context, 'rewrap'), options.class)
      const anew = options.class === 'epoch' ? ` ${rolled.rewrapped} keys of subjects were wrapped anew.` : ''
      const uncopied = await uncopiedKeys(context.db, Date.now())
      answer(
        options,
        { ...rolled, uncopied },
        `Key ${rolled.class}/${rolled.kid} is active now.${anew}\n${uncopiedText(uncopied)}`.trimEnd(),
      )
    }),
  )
}

export function registerKeep(keep: Command): void {
  keep.description("do what the policy's schedule asks for now: begin an epoch, destroy what is past its time")
  keep.addHelpText('after', '\nThe gateway does it every hour, where its rights at the provider allow it.')
  keep.addHelpText('after', example(`${WEIR} keep --json`))
  keep.action((options: CommonOptions) =>
    withKeys(async (context) => {
      const kept = await keepKeys(await depsOf(context, 'rewrap'), context.policy.keys)
      const begun = kept.epoch === undefined ? 'No epoch began.' : `Epoch ${kept.epoch} began.`
      answer(
        options,
        kept,
        `${begun} Destroyed: ${kept.destroyed.length === 0 ? 'none' : kept.destroyed.join(', ')}.${kept.waiting.length === 0 ? '' : ` Still needed, though past its time: ${kept.waiting.join(', ')}.`}`,
      )
    }),
  )
}

export function registerRenew(renew: Command): void {
  renew.description('give one subject a new key, for when its key is known to somebody, and seal its content anew')
  renew.argument('[subject]', 'random id of the subject, a UUID')
  renew.option('--all', 'every subject, one after the other: for when the key of an epoch is known to somebody')
  renew.addHelpText(
    'after',
    '\nThe old key goes with the housekeeping, an hour later: events under way may use it until then.',
  )
  renew.addHelpText('after', example(`${WEIR} renew 6f1c9d1e-7a52-4a0b-9a55-0b8a4f2d9c11`))
  renew.action((subject: string | undefined, options: CommonOptions & { all?: boolean }) =>
    withKeys(async (context) => {
      const id = z.uuid().safeParse(subject)
      if (id.success === (options.all === true)) {
        throw new AppError('invalid', 'name one subject by its UUID, or --all', { code: 'usage' })
      }
      const { db } = context
      const keyring = await context.openKeyring()
      const classNames = await readClassNames(db)
      if (!id.success) {
        const deps = { db, keyring, classNames, now: Date.now, actor: 'cli' }
        const done = await renewAllKeys(deps, showProgress('renew'))
        answer(options, done, `${done.subjects} subjects have a new key; ${done.resealed} records were sealed anew.`)
        return
      }
      const made = await renewSubjectKey({ db, keyring, classNames, now: Date.now, actor: 'cli' }, subjectId(id.data))
      answer(options, made, `Its key has version ${made.keyVersion} now; ${made.resealed} records were sealed anew.`)
    }),
  )
}

export function registerDestroy(destroy: Command): void {
  destroy.description('destroy keys that only open, for good: every backup that needs them becomes useless')
  destroy.addOption(classOption())
  destroy.requiredOption('--kid <number>', 'the newest to destroy; older ones of the class go with it', wholeNumber)
  destroy.addHelpText('after', example(`${WEIR} destroy --class epoch --kid 1`))
  destroy.action((options: CommonOptions & { class: Rollable; kid: number }) =>
    withKeys(async (context) => {
      const destroyed = await destroyKeys(await depsOf(context, 'destroy'), options.class, options.kid)
      const { horizon, backups } = await keysStatus(context, context.policy.keys, Date.now())
      const lines = destroyed.map((one) => {
        const copies = backups.filter((copy) => copy.holdsDestroyed.includes(`${one.class}/${one.kid}`))
        const left = copies.map((copy) => `${copy.backupId} (until ${copy.expiresAt})`).join(', ')
        const open =
          left === '' ? '' : ` Copies of the keys still open it: ${left}; delete the files, then weir keys discard.`
        const at = one.unrecoverableAt === null ? '' : ` from ${one.unrecoverableAt} on`
        return `Key ${one.class}/${one.kid} is destroyed for good${at}.${open}`
      })
      answer(options, { destroyed, horizon }, lines.join('\n'))
    }),
  )
}

/** What a loss of the root would take with it. */
export function uncopiedText(names: readonly string[]): string {
  return names.length === 0 ? '' : `No good copy holds ${names.join(', ')}: weir keys backup makes one.`
}

function wholeNumber(text: string): number {
  if (!/^[1-9]\d{0,7}$/.test(text))
    throw new AppError('invalid', '--kid takes the number of a key, for instance 1', { code: 'usage' })
  return Number(text)
}

async function depsOf(context: WithKeys, label: string): Promise<KeyDeps> {
  const { db, provider } = context
  const keyring = await context.openKeyring()
  return { db, provider, keyring, now: Date.now, actor: 'cli', progress: showProgress(label) }
}
