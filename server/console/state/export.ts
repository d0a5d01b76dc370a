import { ApiError, asApiError } from './api.ts'
import type { Api } from './api.ts'

export type ExportFormat = 'csv' | 'jsonl'

/** What a browser that cannot stream to disk has to hold in memory. */
export const MAX_HELD_BYTES = 200_000_000

/** More than the last line of an export has. */
const MAX_END_LENGTH = 2_000

const TYPES: Readonly<Record<ExportFormat, string>> = { csv: 'text/csv', jsonl: 'application/jsonl' }

/** What a browser throws that has the API, and refuses it. */
const FORBIDDEN: readonly string[] = ['NotAllowedError', 'SecurityError']

/** The File System Access API, which not every browser has. */
interface FilePicker {
  showSaveFilePicker?: (options: { readonly suggestedName: string }) => Promise<ChosenFile>
}

interface ChosenFile {
  readonly name?: string
  createWritable(): Promise<WritableStream<Uint8Array>>
}

/**
 * - `saved`: the file is whole.
 * - `cancelled`: nothing was saved, by the user's choice: a stream to disk that is aborted leaves the file as it was.
 * - `incomplete`: the file ends early, as its last line says or because it has none.
 * - `too-large`: nothing was saved, because this browser would have had to hold more than `MAX_HELD_BYTES`.
 * - `failed`: no file, or part of one: the gateway, the network or the disk.
 */
export type ExportState =
  | { readonly kind: 'running' | 'saved' | 'incomplete'; readonly bytes: number }
  | { readonly kind: 'cancelled' | 'too-large' }
  | { readonly kind: 'failed'; readonly failure: ApiError }

interface ExportOptions {
  readonly api: Api
  readonly q: string
  readonly format: ExportFormat
  /** The name that is suggested. */
  readonly name: string
  readonly signal: AbortSignal
  readonly onName: (name: string) => void
  readonly onState: (state: ExportState) => void
}

/** Saves what a search finds as a file: straight to disk where the browser can, whatever the length. Call it in a click. */
export function exportRecalls(options: ExportOptions): Promise<void> {
  const { api, q, format, signal, onState } = options
  let tail = ''
  const decoder = new TextDecoder()
  return saveResponse({
    open: () => api.open('export', { q, format }, signal),
    name: options.name,
    type: TYPES[format],
    signal,
    onName: options.onName,
    onChunk(chunk) {
      tail = (tail + decoder.decode(chunk, { stream: true })).slice(-MAX_END_LENGTH)
    },
    onState(state) {
      const isCut = state.kind === 'saved' && !isWhole(tail, format)
      onState(isCut ? { kind: 'incomplete', bytes: state.bytes } : state)
    },
  })
}

interface SaveOptions {
  /** Called once the user has chosen a file. */
  readonly open: () => Promise<Response>
  readonly name: string
  readonly type: string
  readonly signal: AbortSignal
  /** Called with the name that the user has chosen, where the browser asks for one. */
  readonly onName: (name: string) => void
  readonly onState: (state: ExportState) => void
  /** Receives each part of the file. */
  readonly onChunk: (chunk: Uint8Array) => void
}

/** Saves a response of any length as a file. Never rejects: its states say what became of it. Call it in a click. */
export async function saveResponse({
  open,
  name,
  type,
  signal,
  onName,
  onState,
  onChunk,
}: SaveOptions): Promise<void> {
  let target: WritableStream<Uint8Array> | undefined
  try {
    const file = await chooseFile(name)
    if (file?.name !== undefined) onName(file.name)
    target = await file?.createWritable()
    onState({ kind: 'running', bytes: 0 })
    const { body } = await open()
    let bytes = 0
    const counted = (body ?? new Response('').body)?.pipeThrough(
      new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, controller) {
          bytes += chunk.length
          onChunk(chunk)
          onState({ kind: 'running', bytes })
          controller.enqueue(chunk)
        },
      }),
    )
    if (counted === undefined) throw new ApiError('NO_ANSWER', '')
    if (target !== undefined) await counted.pipeTo(target, { signal })
    else if (!(await saveHeld(counted, name, type))) return onState({ kind: 'too-large' })
    onState({ kind: 'saved', bytes })
  } catch (error) {
    // Without an answer, the file that was chosen stays as it was.
    await target?.abort().catch(() => undefined)
    const isCancelled = error instanceof DOMException && error.name === 'AbortError'
    onState(
      isCancelled || signal.aborted ? { kind: 'cancelled' } : { kind: 'failed', failure: asApiError(error) },
    )
  }
}

/** Whether the last line says that it is the end, and that all is there. A proxy may cut a response without an error. */
function isWhole(tail: string, format: ExportFormat): boolean {
  const last = tail.trimEnd().split('\n').at(-1) ?? ''
  if (format === 'csv') return last.startsWith('"end","complete:')
  return /^\{"type":"end","complete":true[,}]/.test(last)
}

/** Returns the file that the user chose; undefined where the browser has no such thing, or whoever administers it forbids it. */
async function chooseFile(suggestedName: string): Promise<ChosenFile | undefined> {
  const { showSaveFilePicker: choose } = window as FilePicker
  try {
    return await choose?.call(window, { suggestedName })
  } catch (error) {
    if (error instanceof DOMException && FORBIDDEN.includes(error.name)) return undefined
    throw error
  }
}

/** Holds the file in memory, and saves it as a download. Returns false if it is too large for that. */
async function saveHeld(stream: ReadableStream<Uint8Array>, name: string, type: string): Promise<boolean> {
  const chunks: BlobPart[] = []
  let bytes = 0
  const reader = stream.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    bytes += value.length
    if (bytes > MAX_HELD_BYTES) {
      await reader.cancel()
      return false
    }
    chunks.push(new Uint8Array(value))
  }
  const url = URL.createObjectURL(new Blob(chunks, { type }))
  const link = Object.assign(document.createElement('a'), { href: url, download: name })
  link.click()
  // The download has begun by then.
  setTimeout(() => URL.revokeObjectURL(url), 60_000)
  return true
}
