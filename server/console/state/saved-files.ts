import { roomName } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import type { Api } from './api.ts'
import { evidenceName, parseEvidenceEnd, Tail } from './evidence.ts'
import type { EvidenceEnd } from './evidence.ts'
import { exportRecalls, saveResponse } from './export.ts'
import type { ExportFormat, ExportState } from './export.ts'

/** Ended ones are remembered, so that whoever asked for them learns what became of them. */
const MAX_FILES = 20

/** A file that is being saved, or was. */
export interface SavedFile {
  readonly key: string
  /** What was suggested, or what the user has chosen instead. */
  readonly name: string
  readonly state: ExportState
  /** Of evidence that was saved: how it ends; undefined if it was cut off. */
  readonly end: EvidenceEnd | undefined
}

interface Running extends SavedFile {
  readonly controller: AbortController
}

/** The files that this page saves. They go on, whichever view is open and whatever is closed, until they end or are cancelled. */
export class SavedFiles {
  readonly #api: Api
  readonly #onChange: () => void
  #files: readonly Running[] = []

  constructor(api: Api, onChange: () => void) {
    this.#api = api
    this.#onChange = onChange
  }

  /** The latest ones last. */
  get files(): readonly SavedFile[] {
    return this.#files
  }

  find(key: string): SavedFile | undefined {
    return this.#files.find((file) => file.key === key)
  }

  /** Saves what a search finds. Call it in a click. */
  saveExport(q: string, format: ExportFormat): void {
    const key = exportKey(q)
    const name = `recalls-${new Date().toISOString().slice(0, 19).replaceAll(':', '')}.${format}`
    const { signal } = this.#begin(key, name)
    void exportRecalls({
      api: this.#api,
      q,
      format,
      name,
      signal,
      onName: (chosen) => this.#set(key, signal, { name: chosen }),
      onState: (state) => this.#set(key, signal, { state }),
    })
  }

  /** Saves evidence of what a filter finds in the log of a room. Call it in a click. */
  saveEvidence(room: Room, q: string): void {
    const key = evidenceKey(room, q)
    const name = evidenceName(room)
    const { signal } = this.#begin(key, name)
    const tail = new Tail()
    void saveResponse({
      open: () => this.#api.openEvidence(room, q, signal),
      name,
      type: 'application/x-ndjson',
      signal,
      onChunk: (chunk) => tail.add(chunk),
      onName: (chosen) => this.#set(key, signal, { name: chosen }),
      onState: (state) =>
        this.#set(key, signal, {
          state,
          ...(state.kind === 'saved' && { end: parseEvidenceEnd(tail.text) }),
        }),
    })
  }

  cancel(key: string): void {
    this.#files.find((file) => file.key === key)?.controller.abort()
  }

  /** Forgets a file that has ended. */
  forget(key: string): void {
    this.#files = this.#files.filter((file) => file.key !== key || file.state.kind === 'running')
    this.#onChange()
  }

  #begin(key: string, name: string): AbortController {
    this.cancel(key)
    const controller = new AbortController()
    const running: Running = { key, name, state: { kind: 'running', bytes: 0 }, end: undefined, controller }
    const others = this.#files.filter((file) => file.key !== key)
    const ended = others.filter(({ state }) => state.kind !== 'running')
    const dropped = new Set(ended.slice(0, Math.max(0, others.length + 1 - MAX_FILES)))
    this.#files = [...others.filter((file) => !dropped.has(file)), running]
    this.#onChange()
    return controller
  }

  #set(key: string, signal: AbortSignal, change: Partial<Pick<SavedFile, 'name' | 'state' | 'end'>>): void {
    this.#files = this.#files.map((file) =>
      file.key === key && file.controller.signal === signal ? { ...file, ...change } : file,
    )
    this.#onChange()
  }
}

export const exportKey = (q: string): string => `export ${q}`

export const evidenceKey = (room: Room, q: string): string => `evidence ${roomName(room)} ${q}`
