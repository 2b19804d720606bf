import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { type Browser, chromium as playwright } from 'playwright-core'

/** A Chromium that can be started here: found on the machine, or unpacked from npm. */
export interface Chromium {
  readonly executablePath: string
  /** Added to the environment, where the Chromium brings its own libraries and fonts. */
  readonly env: Readonly<Record<string, string>>
}

const places: Partial<Record<NodeJS.Platform, readonly string[]>> = {
  linux: [
    '/usr/bin/chromium',
    '/usr/bin/chromium-browser',
    '/usr/bin/google-chrome-stable',
    '/usr/bin/google-chrome',
    '/opt/google/chrome/chrome',
  ],
  darwin: [
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    '/Applications/Chromium.app/Contents/MacOS/Chromium',
  ],
  win32: [
    'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
    'C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\msedge.exe',
  ],
}

/**
 * The first Chromium that starts: `CHROME_PATH`, one that is installed, the one of npm unpacked into `folder`.
 * Undefined on a platform that has neither. Throws where `CHROME_PATH` or the one of npm does not start.
 */
export async function findChromium(folder: string): Promise<Chromium | undefined> {
  const named = process.env.CHROME_PATH
  if (named !== undefined && named !== '') return started({ executablePath: named, env: {} })
  for (const executablePath of places[process.platform] ?? []) {
    if (!existsSync(executablePath)) continue
    const installed = { executablePath, env: {} }
    if (await starts(installed)) return installed // the stub of a snap, say, is there and does not
  }
  if (process.platform !== 'linux' || process.arch !== 'x64') return undefined // the package holds no other
  return started(await unpack(folder))
}

async function started(candidate: Chromium): Promise<Chromium> {
  await (await openBrowser(candidate)).close()
  return candidate
}

function starts(candidate: Chromium): Promise<boolean> {
  return started(candidate).then(
    () => true,
    () => false,
  )
}

// The package's executablePath() unpacks its libraries inside AWS Lambda only; inflate() takes what it is told. Both
// write to the temporary folder of their process, so they get a process of their own, with a folder of its own.
const inflating = `
  const { inflate } = await import('@sparticuz/chromium')
  await Promise.all(process.argv.slice(1).map((archive) => inflate(archive)))`

async function unpack(folder: string): Promise<Chromium> {
  const entry = createRequire(import.meta.url).resolve('@sparticuz/chromium')
  const archives = ['chromium.br', 'al2023.tar.br', 'fonts.tar.br'].map((name) =>
    join(dirname(entry), '..', 'bin', name),
  )
  await promisify(execFile)(process.execPath, ['--input-type=module', '-e', inflating, ...archives], {
    cwd: import.meta.dirname,
    env: { ...process.env, TMPDIR: folder },
  })
  await writeFile(join(folder, 'fonts', 'fonts.conf'), fontsConf(folder))
  return {
    executablePath: join(folder, 'chromium'),
    env: { LD_LIBRARY_PATH: join(folder, 'al2023', 'lib'), FONTCONFIG_PATH: join(folder, 'fonts'), HOME: folder },
  }
}

/** The package's own names folders of AWS Lambda alone, and without any font a field for text ends Chromium. */
function fontsConf(folder: string): string {
  const dirs = [join(folder, 'fonts'), '/usr/share/fonts'].map((dir) => `<dir>${dir}</dir>`).join('')
  return `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>${dirs}<cachedir>${join(folder, 'fonts-cache')}</cachedir></fontconfig>`
}

export interface BrowserOptions {
  /** Name → address and port that stand behind it, on port 80. */
  readonly hosts?: Readonly<Record<string, string>>
  /** States Global Privacy Control, as Chromium does by itself: a header that tests add is not on what a page sends as it goes. */
  readonly gpc?: boolean
}

/** Starts it, headless. It finds the hosts that are given and this machine, and no other: nothing leaves the machine. */
export function openBrowser(
  { executablePath, env }: Chromium,
  { hosts = {}, gpc = false }: BrowserOptions = {},
): Promise<Browser> {
  const mapped = Object.entries(hosts).map(([name, address]) => `MAP ${name}:80 ${address}`)
  const rules = [...mapped, 'MAP * ~NOTFOUND', 'EXCLUDE localhost', 'EXCLUDE 127.0.0.1']
  return playwright.launch({
    executablePath,
    env: { ...(process.env as Record<string, string>), ...env },
    // Only pages of our own are shown; as root, and in most containers, there is no sandbox to be had.
    chromiumSandbox: false,
    args: [
      '--disable-gpu',
      `--host-resolver-rules=${rules.join(', ')}`,
      ...(gpc ? ['--enable-features=GlobalPrivacyControlForce'] : []),
    ],
  })
}
