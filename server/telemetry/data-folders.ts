import type { ProcessState } from '../../shared/http-api.ts'
import { decodeNote, encodeNote, latestNotes } from './folder-notes.ts'
import type { DatedNote, FolderNote, LeftFolder } from './folder-notes.ts'
import type { LastState } from './processes.ts'

/** Notes change seldom, and heartbeats tell of the first ten minutes. */
const MAX_AGE_MS = 15_000
/** Notes expire after a month. */
const RENEW_MS = 7 * 86_400_000
const RETRY_MS = 10_000
const MAX_NOTES = 500
/** Behind so many newer ones, a note is noted again: a process that ends and starts all the time writes as many in an hour or a day. */
const RENEWED_BEHIND = MAX_NOTES / 2
const FORGOTTEN_MS = 30 * 86_400_000
/** Bounds what is remembered of notes that this process has written. */
const MAX_NOTED = 1_000

interface Records {
  record(name: 'folders', text: string): Promise<void>
  records(
    name: 'folders',
    page: { readonly limit: number },
  ): Promise<{ readonly records: readonly { readonly atMs: number; readonly text: string }[] }>
}

interface DataFoldersDependencies {
  readonly broker: Records
  /** This process. Without `dataFolder`, it only reads. */
  readonly own: {
    readonly id: string
    readonly role: ProcessState['role']
    readonly host: string
    readonly dataFolder: string | undefined
  }
  /** Recalls on the disk of this process. */
  readonly recallsOnDisk: () => number
}

/**
 * Remembers for a month, in the store of the app, which data folders are in use: recalls may be on the disk of a process that
 * vanished, also if nobody was there to hear of it, or Redis was down.
 */
export class DataFolders {
  readonly #deps: DataFoldersDependencies
  readonly #startedAtMs = Date.now()
  #timer: ReturnType<typeof setTimeout> | undefined
  #isStopped = false
  #latest: ReadonlyMap<string, DatedNote> = new Map()
  #readAtMs = -Infinity
  #reading: Promise<void> | undefined
  readonly #noted = new Set<string>()
  /** Folders whose notes will be pushed out soon. */
  #atTheEnd = new Set<string>()

  constructor(deps: DataFoldersDependencies) {
    this.#deps = deps
  }

  /** Notes that this process uses its folder: now, or as soon as it can be noted, and again each week. */
  start(): void {
    if (this.#deps.own.dataFolder === undefined) return
    this.#note('used', 0).then(
      () => this.#startLater(RENEW_MS),
      () => this.#startLater(RETRY_MS),
    )
  }

  /** Notes what is left in the folder of this process. Never rejects: without a note, the process counts as vanished. */
  async stop(): Promise<void> {
    this.#isStopped = true
    clearTimeout(this.#timer)
    if (this.#deps.own.dataFolder === undefined) return
    const recalls = this.#deps.recallsOnDisk()
    await this.#note(recalls > 0 ? 'left' : 'closed', recalls).catch(() => undefined)
  }

  #startLater(ms: number): void {
    if (this.#isStopped) return
    this.#timer = setTimeout(() => this.start(), ms)
    this.#timer.unref()
  }

  /** The latest note of each folder, as far as they were read. */
  get latest(): ReadonlyMap<string, DatedNote> {
    return this.#latest
  }

  /** Returns the latest note of each folder, not older than some seconds. Rejects like the broker. */
  async read(): Promise<ReadonlyMap<string, DatedNote>> {
    if (performance.now() - this.#readAtMs > MAX_AGE_MS)
      await (this.#reading ??= this.#read().finally(() => (this.#reading = undefined)))
    return this.#latest
  }

  /** Notes which processes have gone and left recalls on their disks, once. Never rejects. */
  async noteGone(gone: readonly LastState[]): Promise<void> {
    for (const { id, role, host = '', startedAtMs, dataFolder, spool } of gone) {
      const recalls = spool?.recalls ?? 0
      if (dataFolder === undefined || recalls === 0) continue
      const known = this.#latest.get(dataFolder)
      // Already noted, or somebody has said that it is lost.
      if (known?.id === id && known.what !== 'used') continue
      const name = `${dataFolder} ${id} ${recalls}`
      if (this.#noted.has(name) || this.#noted.size >= MAX_NOTED) continue
      this.#noted.add(name)
      const note: FolderNote = { folder: dataFolder, id, role, host, startedAtMs, what: 'left', recalls }
      await this.#record(note).catch(() => void this.#noted.delete(name))
    }
  }

  /** Notes again which folders were left, before the notes of others push that out. Never rejects. */
  async renew(left: readonly LeftFolder[]): Promise<void> {
    for (const { atMs, ...note } of left) {
      if (!this.#atTheEnd.delete(note.folder) || Date.now() - atMs > FORGOTTEN_MS) continue
      // If it fails, the next reading finds it at the end as well.
      await this.#record({ ...note, sinceMs: atMs }).catch(() => undefined)
    }
  }

  /** Somebody says that the folder is lost. Resolves to whether it was in use or left. Rejects like the broker. */
  async forget(folder: string): Promise<boolean> {
    await this.#read()
    const known = this.#latest.get(folder)
    if (known === undefined || known.what === 'closed') return false
    await this.#record({ ...known, what: 'closed' })
    await this.#read()
    return true
  }

  #note(what: FolderNote['what'], recalls: number): Promise<void> {
    const { id, role, host, dataFolder: folder = '' } = this.#deps.own
    return this.#record({ folder, id, role, host, startedAtMs: this.#startedAtMs, what, recalls })
  }

  async #record(note: FolderNote): Promise<void> {
    await this.#deps.broker.record('folders', encodeNote(note))
  }

  async #read(): Promise<void> {
    const { records } = await this.#deps.broker.records('folders', { limit: MAX_NOTES })
    const notes = records.flatMap(({ atMs, text }) => {
      const note = decodeNote(text)
      return note === undefined ? [] : [{ ...note, atMs: Math.min(note.sinceMs ?? atMs, atMs) }]
    })
    this.#latest = latestNotes(notes)
    this.#readAtMs = performance.now()
    const newer = new Set(notes.slice(0, RENEWED_BEHIND).map(({ folder }) => folder))
    this.#atTheEnd = new Set([...this.#latest.keys()].filter((folder) => !newer.has(folder)))
    const { id, dataFolder = '' } = this.#deps.own
    const mine = this.#latest.get(dataFolder)
    // Somebody has taken the folder of another one for this.
    if (!this.#isStopped && mine?.id === id && mine.what === 'closed')
      await this.#note('used', 0).catch(() => undefined)
  }
}
