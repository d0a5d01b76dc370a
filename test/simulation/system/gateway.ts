import { mkdirSync } from 'node:fs'
import { readConfig } from '../../../server/config/read-config.ts'
import { startGateway } from '../../../server/gateway.ts'
import type { Gateway } from '../../../server/gateway.ts'
import type { Logger } from '../../../server/telemetry/logger.ts'
import { reasonOf } from '../../../shared/errors.ts'
import type { History } from '../history.ts'
import { files } from '../world/disk.ts'
import { world } from '../world/world.ts'
import { SimProcess } from '../world/schedule.ts'

/** Who runs the process starts it again after this long, as Compose and systemd do. */
const RESTART_MS = 1_000
/** And kills one that does not stop in this time. */
const STOP_TIMEOUT_MS = 10_000

/** Whoever runs the processes of the gateway. */
const OPERATIONS = new SimProcess('operations')

export type Settings = Readonly<Record<string, string>>

/** A process of the gateway: its machine, its data folder, and each of its lives. */
export class SimGateway {
  readonly name: string
  readonly port: number
  readonly dataDir: string
  readonly #settings: Settings
  readonly #history: History
  readonly #log: (line: string) => void
  process: SimProcess | undefined
  #gateway: Gateway | undefined
  #isWanted = false
  #life = 0

  constructor(
    name: string,
    port: number,
    settings: Settings,
    { folder, history, log }: { folder: string; history: History; log: (line: string) => void },
  ) {
    this.name = name
    this.port = port
    this.dataDir = `${folder}/${name}`
    this.#settings = settings
    this.#history = history
    this.#log = log
    mkdirSync(this.dataDir, { recursive: true })
  }

  get isUp(): boolean {
    return this.#gateway !== undefined
  }

  /** Whether an event belongs to the process that runs now. */
  owns(process: SimProcess | undefined): boolean {
    return this.process === process
  }

  /** Whoever runs this process. */
  readonly operations = OPERATIONS

  start(): void {
    this.#isWanted = true
    if (this.process && !this.process.isDead) return
    const process = new SimProcess(`${this.name}#${++this.#life}`)
    this.process = process
    process.onKill.push(() => {
      this.#history.add({ kind: 'process ended', process: process.name })
      this.#gateway = undefined
      if (this.#isWanted) world.schedule.after(RESTART_MS, OPERATIONS, () => this.#isWanted && this.start())
    })
    world.schedule.after(0, process, () => {
      const config = readConfig({
        ...this.#settings,
        HOST: '127.0.0.1',
        PORT: String(this.port),
        DATA_DIR: this.dataDir,
      })
      startGateway(config, this.#logger(process)).then(
        (gateway) => (this.#gateway = gateway),
        (error: unknown) => {
          this.#log(`${process.name} could not start: ${String(error)}`)
          this.end(process)
        },
      )
    })
  }

  /** As kill -9. It stays down until `start`. */
  kill(): void {
    this.#isWanted = false
    if (this.process) world.schedule.kill(this.process)
  }

  /** The machine loses its power: what was not flushed to its disk is lost. It stays down until `start`. */
  cutPower(cut: (process: SimProcess) => void): void {
    this.#isWanted = false
    if (this.process && !this.process.isDead) cut(this.process)
    files().cutPower(this.dataDir)
  }

  /** As SIGTERM. It stays down until `start`. */
  stop(): void {
    this.#isWanted = false
    const { process } = this
    const gateway = this.#gateway
    if (process === undefined || process.isDead) return
    if (gateway === undefined) return world.schedule.kill(process)
    world.schedule.after(0, process, () => void gateway.stop().then(() => this.end(process)))
    world.schedule.after(STOP_TIMEOUT_MS, OPERATIONS, () => this.end(process))
  }

  /** Ends the process; whoever runs it starts it again, unless it was stopped or killed. */
  end(process: SimProcess): void {
    world.schedule.after(0, OPERATIONS, () => !process.isDead && world.schedule.kill(process))
  }

  #logger(process: SimProcess): Logger {
    const level =
      (name: string) =>
      (...values: unknown[]): void =>
        this.#log(`${process.name} ${name} ${values.map(textOf).join(' ')}`)
    const logger = {
      level: 'info',
      fatal: level('fatal'),
      error: level('error'),
      warn: level('warn'),
      info: level('info'),
      debug: () => undefined,
      trace: () => undefined,
      isLevelEnabled: () => false,
      child: () => logger,
      flush: () => undefined,
    }
    return logger as unknown as Logger
  }
}

const textOf = (value: unknown): string =>
  typeof value === 'string'
    ? value
    : JSON.stringify(value, (_key, inner: unknown) =>
        inner instanceof Error
          ? `${inner.message}${inner.cause === undefined ? '' : ` (${reasonOf(inner.cause)})`}`
          : inner,
      )
