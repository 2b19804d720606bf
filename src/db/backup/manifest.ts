import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { AppError } from '../../errors.ts'
import { writeDurably } from './copy.ts'

/** What a backup holds. Written last: a folder without it is no whole backup. */
export const Manifest = z.strictObject({
  format: z.literal(1),
  postgresMajor: z.string(),
  startedAt: z.iso.datetime(),
  finishedAt: z.iso.datetime(),
  startLsn: z.string(),
  stopLsn: z.string(),
  /** Paths relative to the backup's folder, with `/`, sorted. */
  files: z.array(z.strictObject({ path: z.string(), size: z.int(), sha256: z.string().length(64) })),
  /** Folders, empty ones too: Postgres does not start without some of them. */
  folders: z.array(z.string()),
})
export type Manifest = z.infer<typeof Manifest>

const NAME = 'manifest.json'

export async function writeManifest(dir: string, manifest: Manifest): Promise<void> {
  await writeDurably(join(dir, NAME), `${JSON.stringify(manifest, null, 1)}\n`)
}

/** @throws AppError where the folder holds no whole backup */
export async function readManifest(dir: string): Promise<Manifest> {
  try {
    const manifest = Manifest.parse(JSON.parse(await readFile(join(dir, NAME), 'utf8')))
    const paths = [...manifest.folders, ...manifest.files.map((file) => file.path)]
    if (paths.every((path) => path.split('/').every((part) => part !== '..' && part !== ''))) return manifest
  } catch (cause) {
    throw new AppError('invalid', `${dir} is no whole backup: it has no readable ${NAME}`, { cause })
  }
  throw new AppError('invalid', `${dir} is no backup of ours: its ${NAME} names files outside of it`)
}
