import type { History } from '../history.ts'
import type { UserSpec } from '../spec.ts'
import { world } from '../world/world.ts'
import { SimProcess } from '../world/schedule.ts'
import { hint } from './hints.ts'
import { TokenEndpoint } from './tokens.ts'

/** From leaving a page to its end. */
const CLOSING_MS = 50

/** Ends what runs in a page, in order. */
export interface Page {
  readonly close: () => void
  /** The person learns that they may be in the room, and acts. */
  readonly again: () => void
}

/** A person: each life is a page that is opened, closed, or killed. What the browser stores outlives it. */
export abstract class User {
  readonly spec: UserSpec
  readonly storage = new Map<string, string>()
  protected readonly history: History
  protected readonly tokens: TokenEndpoint
  process: SimProcess | undefined
  #page: Page | undefined
  #life = 0

  constructor(spec: UserSpec, history: History) {
    this.spec = spec
    this.history = history
    this.tokens = new TokenEndpoint(spec, history)
  }

  /** Runs in the page. */
  protected abstract begin(life: number): Page

  open(): void {
    if (this.process && !this.process.isDead) return
    const life = ++this.#life
    const process = new SimProcess(`${this.spec.name}#${life}`)
    process.clockOffsetMs = this.spec.clockOffsetMs
    this.process = process
    world.schedule.after(0, process, () => {
      this.history.add({ kind: 'opened', user: this.spec.name, life })
      this.#page = this.begin(life)
    })
  }

  kill(): void {
    const { process } = this
    if (process === undefined || process.isDead) return
    this.history.add({ kind: 'killed', user: this.spec.name, life: this.#life })
    this.#page = undefined
    world.schedule.kill(process)
  }

  /** Leaves the page in order. */
  close(): void {
    const { process } = this
    if (process === undefined || process.isDead || this.#page === undefined) return
    world.schedule.after(0, process, () => this.closeNow())
  }

  /** As a listener may, from inside the page. */
  protected closeNow(): void {
    const { process } = this
    const page = this.#page
    this.#page = undefined
    if (process === undefined || page === undefined) return
    page.close()
    this.history.add({ kind: 'closed', user: this.spec.name, life: this.#life })
    world.schedule.after(CLOSING_MS, process, () => world.schedule.kill(process))
  }

  /** The browser says that the network or the page is back. */
  hint(): void {
    const { process } = this
    if (process && !process.isDead) world.schedule.after(0, process, () => hint(process))
  }

  /** Nothing disturbs the user any more. */
  restore(): void {
    this.tokens.isRestored = true
    if (this.process?.isFrozen) world.schedule.thaw(this.process)
    this.open()
  }

  /** The person has been given a room again, or is no longer taken out, and does what the page offers for that. */
  again(): void {
    const { process } = this
    if (process && !process.isDead) world.schedule.after(0, process, () => this.#page?.again())
  }
}
