#!/usr/bin/env node
// Plain JavaScript that any Node since 18 can read: it finds the Node 24 that npm installed, and the rest is TypeScript.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import * as module from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const NEEDED = 24
const file = fileURLToPath(import.meta.url)

if (isNew()) {
  if (process.argv[2] !== '--check-node') await run()
} else if (process.argv[2] === '--check-node') {
  giveUp('start it with npm, whose scripts find the Node 24 that `npm ci` installed')
} else {
  const newer = findNode(dirname(dirname(file)))
  if (newer === undefined) giveUp('run `npm ci`, or install Node 24')
  else hand(newer)
}

function isNew() {
  return Number(process.versions.node.split('.')[0]) >= NEEDED
}

function giveUp(advice) {
  console.error(`Weir needs Node ${NEEDED} and this is ${process.version}: ${advice}`)
  process.exitCode = 1
}

async function run() {
  if (process.env.RELAUNCHED_BY_WEIR !== undefined) {
    delete process.env.RELAUNCHED_BY_WEIR // not for our own children
    // Killed without a word, the older Node cannot pass that on: its end closes this channel.
    process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'))
    process.channel?.unref()
  }
  // What was compiled once, types stripped, is read the next time; where the folder cannot be written nothing is kept.
  module.enableCompileCache(join(dirname(dirname(file)), 'node_modules', '.cache', 'weir'))
  const { main } = await import('../src/cli/main.ts')
  await main(process.argv.slice(2))
}

function findNode(folder) {
  const candidate = join(folder, 'node_modules', '.bin', process.platform === 'win32' ? 'node.exe' : 'node')
  if (existsSync(candidate)) return candidate
  return folder === dirname(folder) ? undefined : findNode(dirname(folder))
}

function hand(node) {
  const child = spawn(node, [file, ...process.argv.slice(2)], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, RELAUNCHED_BY_WEIR: '1' },
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      // Ctrl-C at a terminal reaches the child too: a second one would read as impatience.
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal)
    })
  }
  child.on('error', (error) => giveUp(`${node} does not start (${error.code})`))
  child.on('exit', (code, signal) => {
    if (signal === null) {
      process.exitCode = code ?? 1
      return
    }
    process.removeAllListeners(signal)
    process.kill(process.pid, signal)
  })
}
