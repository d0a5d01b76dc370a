/** Of webhooks that wait for a backend, which may hang and then holds each for its whole time, or for a disk, which may hang too. */
const MAX_REQUESTS = 256
const MAX_BYTES = 2 ** 25

/** Counts the requests that are under way, so that they take only so much memory. */
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
