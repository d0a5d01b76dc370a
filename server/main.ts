#!/usr/bin/env node
import './cli/node-version.ts'
import { Command } from 'commander'
import { asGatewayError } from '../shared/errors.ts'
import { readEnvironment } from './cli/command.ts'
import type { Service, Terminal } from './cli/command.ts'
import { addQuarantine } from './cli/quarantine.ts'
import { addSend } from './cli/send.ts'
import { addStart } from './cli/start.ts'
import { addToken } from './cli/token.ts'

/** npm forwards a SIGINT that the terminal has sent to this process too: one Ctrl+C arrives twice. */
const REPEATED_SIGNAL_MS = 500

const terminal: Terminal = {
  environment: readEnvironment(process.env),
  print: (line) => void process.stdout.write(`${line}\n`),
  runUntilSignal,
}

// `quarantine | head` closes the pipe early, and a gateway must survive that.
process.stdout.on('error', () => undefined)

const program = new Command('recall-gateway')
  .description(
    'Tells clients and admin consoles in real time when messages of a Tencent Cloud Chat group are recalled.',
  )
  .showHelpAfterError()

for (const add of [addStart, addSend, addToken, addQuarantine]) add(program, terminal)

try {
  await program.parseAsync()
} catch (error) {
  const { code, message, cause } = asGatewayError(error)
  const inner = code === 'INTERNAL' && cause instanceof Error ? `\n${cause.stack ?? cause.message}` : ''
  process.stderr.write(`recall-gateway: ${code}: ${message}${inner}\n`)
  process.exit(1)
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
