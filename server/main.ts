#!/usr/bin/env node
import './cli/node-version.ts'
import { Command } from 'commander'
import { asGatewayError, GatewayError } from '../shared/errors.ts'
import { printable } from '../shared/unseen.ts'
import { readEnvironment } from './cli/command.ts'
import type { Service, Terminal } from './cli/command.ts'
import { addDoctor } from './cli/doctor.ts'
import { createOutput } from './cli/output.ts'
import { addQuarantine } from './cli/quarantine.ts'
import { addRecalled } from './cli/recalled.ts'
import { addReplay } from './cli/replay.ts'
import { addSend } from './cli/send.ts'
import { addStart } from './cli/start.ts'
import { addStatus } from './cli/status.ts'
import { addTail } from './cli/tail.ts'
import { addToken } from './cli/token.ts'
import { addVerify } from './cli/verify.ts'
import { addWho } from './cli/who.ts'
import { RELEASE } from './lib/release.ts'

/** npm forwards a SIGINT that the terminal has sent to this process too: one Ctrl+C arrives twice. */
const REPEATED_SIGNAL_MS = 500

/** Exit code if the output could not be written. Some commands judge with 1. */
const UNWRITTEN = 2

/** Aborted when nobody reads standard output any more. */
const unread = new AbortController()

// `quarantine | head` closes the pipe early, and a gateway must survive that. Any other failure leaves a file that looks whole.
const output = createOutput(process.stdout, (code) => {
  unread.abort()
  if (code === 'EPIPE') return
  terminal.exitWith(UNWRITTEN)
  const { message } = new GatewayError('INTERNAL', `standard output cannot be written (${code})`)
  terminal.tell(`recall-gateway: INTERNAL: ${message}`)
})

const terminal: Terminal = {
  environment: readEnvironment(process.env),
  print: (line) => output.print(printable(line)),
  printed: output.printed,
  tell(line) {
    terminal.show?.()
    process.stderr.write(`${printable(line)}\n`)
  },
  show: process.stderr.isTTY ? createShow() : undefined,
  ending,
  exitWith: (code) => void (process.exitCode = Math.max(code, Number(process.exitCode ?? 0))),
  runUntilSignal,
}

process.stderr.on('error', () => undefined)

const program = new Command('recall-gateway')
  .description(
    'Tells clients and admin consoles in real time when messages of a Tencent Cloud Chat group are recalled.',
  )
  .version(RELEASE, '-V, --version', 'print the version')
  .showHelpAfterError()

for (const add of [
  addStart,
  addStatus,
  addDoctor,
  addWho,
  addTail,
  addRecalled,
  addSend,
  addReplay,
  addQuarantine,
  addVerify,
  addToken,
])
  add(program, terminal)

try {
  await program.parseAsync()
} catch (error) {
  const { code, message, cause } = asGatewayError(error)
  const inner = code === 'INTERNAL' && cause instanceof Error ? `\n${cause.stack ?? cause.message}` : ''
  terminal.tell(`recall-gateway: ${code}: ${message}${inner}`)
  process.exit(Number(process.exitCode ?? 0) || 1)
}

/** Rewrites the last line of the terminal. */
function createShow(): (text?: string) => void {
  let isShown = false
  return (text) => {
    // To the beginning of the line, and clear it.
    if (isShown || text !== undefined) process.stderr.write('\r\u001B[K')
    isShown = text !== undefined
    // A longer line would wrap, and could not be cleared.
    if (text !== undefined) process.stderr.write(text.slice(0, process.stderr.columns - 1))
  }
}

/** A signal lets a command end what it is at; a second one ends the process immediately. */
function ending(): AbortSignal {
  const signalled = new AbortController()
  let firstMs: number | undefined
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(name, () => {
      firstMs ??= performance.now()
      if (performance.now() - firstMs > REPEATED_SIGNAL_MS) process.exit(1)
      signalled.abort()
    })
  return AbortSignal.any([signalled.signal, unread.signal])
}

/** Stops the service on SIGTERM, SIGINT or SIGHUP. A second signal ends the process immediately. */
function runUntilSignal({ stop, stopTimeoutMs, log }: Service): void {
  let first: { readonly signal: NodeJS.Signals; readonly atMs: number } | undefined
  const onSignal = (signal: NodeJS.Signals): void => {
    const nowMs = performance.now()
    if (first?.signal === signal && nowMs - first.atMs < REPEATED_SIGNAL_MS) return
    if (first !== undefined) process.exit(1)
    first = { signal, atMs: nowMs }
    log.info({ signal }, 'stopping')
    const timer = setTimeout(() => {
      log.error('shutdown timed out')
      process.exit(1)
    }, stopTimeoutMs)
    timer.unref()
    // It fails only if the start does, which `parseAsync` reports.
    stop().then(
      () => {
        log.info('stopped')
        process.exit(0)
      },
      () => undefined,
    )
  }
  process.on('SIGTERM', onSignal)
  // The terminal is gone.
  process.on('SIGHUP', onSignal)
  process.on('SIGINT', onSignal)
  process.on('unhandledRejection', (err) => {
    log.fatal({ err }, 'unhandled rejection')
    process.exit(1)
  })
}
