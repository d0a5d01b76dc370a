interface Replica {
  /** The position of the latest write that it has. */
  applied: number
  isHeld: boolean
}

interface DurabilityOptions {
  readonly replicas: number
  /** Whether each write is on disk before it is confirmed, as with `appendfsync always`. */
  readonly syncsAlways: boolean
}

/** Up to which write the replicas and the disk are: what a failover or a power cut leaves. Positions are those of the journal. */
export class Durability {
  readonly replicas: readonly Replica[]
  readonly #syncsAlways: boolean
  #written = 0
  #synced = 0
  #isDiskHeld = false
  readonly #onProgress: () => void

  constructor({ replicas, syncsAlways }: DurabilityOptions, onProgress: () => void) {
    this.replicas = Array.from({ length: replicas }, () => ({ applied: 0, isHeld: false }))
    this.#syncsAlways = syncsAlways
    this.#onProgress = onProgress
  }

  get synced(): number {
    return this.#synced
  }

  /** To be called after each write. */
  wrote(position: number): void {
    this.#written = position
    for (const replica of this.replicas) if (!replica.isHeld) replica.applied = position
    if (this.#syncsAlways && !this.#isDiskHeld) this.#synced = position
  }

  /** To be called when writes were forgotten. */
  rolledBack(position: number): void {
    this.#written = position
    this.#synced = Math.min(this.#synced, position)
    for (const replica of this.replicas) replica.applied = Math.min(replica.applied, position)
  }

  /** Puts everything written so far on disk, unless the disk is held. */
  sync(): void {
    if (!this.#isDiskHeld) this.#synced = this.#written
    this.#onProgress()
  }

  holdDisk(isHeld: boolean): void {
    this.#isDiskHeld = isHeld
    if (!isHeld && this.#syncsAlways) this.sync()
  }

  /** Lets a replica fall behind, or catch up. */
  holdReplica(index: number, isHeld: boolean): void {
    const replica = this.replicas[index]
    if (replica === undefined) throw new Error(`no replica ${index}`)
    replica.isHeld = isHeld
    if (!isHeld) replica.applied = this.#written
    this.#onProgress()
  }

  /** How many replicas have this write. */
  countReplicas(position: number): number {
    return this.replicas.filter(({ applied }) => applied >= position).length
  }
}
