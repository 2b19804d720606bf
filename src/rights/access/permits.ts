import type { Tx } from '../../db/pool.ts'
import { AppError } from '../../errors.ts'
import type { Keyring } from '../../keys/keyring.ts'
import { askingKeys, keyed } from '../asking-keys.ts'

/** So often a person may download one export: a download that breaks off, another format. */
export const PERMITS = 3
/** And for so long. */
export const PERMIT_MS = 7 * 86_400_000

/** Lets an export be downloaded. Doing it again changes nothing. */
export async function permitDownloads(
  tx: Tx,
  keyring: Keyring,
  { request, now }: { readonly request: string; readonly now: number },
): Promise<void> {
  const { kept } = askingKeys(keyring.tokenKey)
  for (let n = 1; n <= PERMITS; n++) {
    await tx.$client.query(
      `insert into weir.request_token (token_hash, request_id, expires_at) values ($1, $2, $3)
       on conflict (token_hash) do nothing`,
      [keyed(kept, 'download', request, String(n)), request, new Date(now + PERMIT_MS)],
    )
  }
}

/** Uses one up. Throws AppError conflict `download-over` where none is left, or their time is over. */
export async function takePermit(tx: Tx, request: string, now: number): Promise<Buffer> {
  const { rows } = await tx.$client.query<{ token_hash: Buffer }>(
    `update weir.request_token set used_at = $2 where token_hash = (
       select token_hash from weir.request_token where request_id = $1 and used_at is null and expires_at > $2
       order by token_hash limit 1 for update skip locked)
     returning token_hash`,
    [request, new Date(now)],
  )
  const [row] = rows
  if (row !== undefined) return row.token_hash
  const message = 'It was downloaded as often as it may be, or its seven days are over: make the request again.'
  throw new AppError('conflict', message, { code: 'download-over' })
}

/** What failed before a byte was sent was no download. */
export async function givePermitBack(tx: Tx, permit: Buffer): Promise<void> {
  await tx.$client.query('update weir.request_token set used_at = null where token_hash = $1', [permit])
}
