/** Of webhooks whose answer the provider waits for: a backend that hangs holds each of them for its whole time. */
const MAX_REQUESTS = 256
const MAX_BYTES = 2 ** 25

/** Counts the requests that are at the backend, so that they take only so much memory. */
export class InFlight {
  #requests = 0
  #bytes = 0

  hasRoom(bytes: number): boolean {
    return this.#requests < MAX_REQUESTS && this.#bytes + bytes <= MAX_BYTES
  }

  enter(bytes: number): void {
    this.#requests++
    this.#bytes += bytes
  }

  leave(bytes: number): void {
    this.#requests--
    this.#bytes -= bytes
  }
}
