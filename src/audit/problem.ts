/**
 * What a check of the log can find.
 * - `changed`: a body does not hash to the leaf that is stored with it
 * - `missing`, `unexpected`: an index that is not there; one that comes twice, or that the log says it has not
 * - `root`: the entries are not those that a checkpoint was signed over
 * - `signature`, `key`: a checkpoint that cannot be believed; a shard whose key is not one that the auditor named
 * - `truncated`: a checkpoint, signed or kept by the auditor, is larger than the log
 * - `fork`: two checkpoints, both signed, over different entries
 * - `tile`: a stored tile is not that of the entries
 * - `not-canonical`: a body is not the canonical JSON of an object
 * - `back-dated`: an entry says an earlier time than a witness saw the log without it
 * - `unwitnessed`: a witness that the auditor named has cosigned nothing of it
 * - `file`: a file of the folder cannot be read as what it is
 * - `unsigned`: entries after the last signed checkpoint; a warning, for the next signature is on its way
 */
export type ProblemKind =
  | 'changed'
  | 'missing'
  | 'unexpected'
  | 'root'
  | 'signature'
  | 'key'
  | 'truncated'
  | 'fork'
  | 'tile'
  | 'not-canonical'
  | 'back-dated'
  | 'unwitnessed'
  | 'file'
  | 'unsigned'

export interface Problem {
  readonly kind: ProblemKind
  /** Index among all entries of the log of the first entry that it is about; null where it is about none. */
  readonly index: string | null
  /** Size of the checkpoint that it is about, within its shard. */
  readonly size?: string
  readonly detail?: string
}

/** Problems up to a cap, with how many more there were. */
export interface Problems {
  add(problem: Problem): void
  readonly found: readonly Problem[]
  readonly dropped: number
  /** Nothing found but warnings. */
  readonly ok: boolean
}

export const MAX_PROBLEMS = 1000

export function collectProblems(cap: number = MAX_PROBLEMS): Problems {
  const found: Problem[] = []
  let dropped = 0
  return {
    add(problem) {
      if (found.length < cap) found.push(problem)
      else dropped++
    },
    found,
    get dropped() {
      return dropped
    },
    get ok() {
      return dropped === 0 && found.every(({ kind }) => kind === 'unsigned')
    },
  }
}
