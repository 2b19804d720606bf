import { spawn } from 'node:child_process'
import { readFile, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { AppError } from '../../errors.ts'

/** Postgres refuses to run as root: the user that it runs as when we are root. Absent: ourselves. */
export interface RunAs {
  readonly uid: number
  readonly gid: number
}

/** Nothing of our environment reaches Postgres: it holds secrets (DATABASE_URL) and PG* variables that would steer it. */
export const postgresEnvironment = { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' }

export function isRoot(): boolean {
  return process.getuid?.() === 0
}

/** The owner of an existing cluster; for a new one `postgres`, else `nobody`, of /etc/passwd. Undefined unless root. */
export async function chooseUser(cluster: string): Promise<RunAs | undefined> {
  const owner = await stat(cluster).catch(() => undefined)
  if (!isRoot()) {
    if (owner === undefined || owner.uid === process.getuid?.()) return undefined
    throw new AppError(
      'conflict',
      `the database in ${cluster} belongs to uid ${owner.uid}: start as that user or as root`,
    )
  }
  if (owner !== undefined && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid }
  const passwd = await readFile('/etc/passwd', 'utf8').catch(() => '')
  const user = findUser(passwd, 'postgres') ?? findUser(passwd, 'nobody')
  if (user === undefined)
    throw new AppError('conflict', 'no user postgres or nobody in /etc/passwd: start as another user than root')
  return user
}

function findUser(passwd: string, name: string): RunAs | undefined {
  const fields = passwd
    .split('\n')
    .map((line) => line.split(':'))
    .find((line) => line[0] === name)
  const uid = Number(fields?.[2])
  const gid = Number(fields?.[3])
  return Number.isInteger(uid) && Number.isInteger(gid) && uid !== 0 ? { uid, gid } : undefined
}

/** Whether every folder down to and including `path` may be passed through by that user, read from the mode bits. */
export async function canTraverse(path: string, user: RunAs): Promise<boolean> {
  for (let folder = path; ; folder = dirname(folder)) {
    const { mode, uid, gid } = await stat(folder)
    const shift = uid === user.uid ? 6 : gid === user.gid ? 3 : 0
    if (((mode >> shift) & 1) === 0) return false
    if (folder === dirname(folder)) return true
  }
}

export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program to its end. Never rejects: a program that cannot be started ends with code null and the reason. */
export async function runToEnd(program: string, args: readonly string[], runAs: RunAs | undefined): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      ...runAs,
      cwd: '/',
      env: postgresEnvironment,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let stdout = ''
    let stderr = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
    })
    child.on('error', (error) => resolve({ code: null, stdout, stderr: error.message }))
    child.on('close', (code) => resolve({ code, stdout, stderr }))
  })
}

/** First line that says something, for an error of one line. */
export function firstLine(text: string): string {
  return (
    text
      .split('\n')
      .find((line) => line.trim() !== '')
      ?.trim() ?? 'no message'
  )
}
