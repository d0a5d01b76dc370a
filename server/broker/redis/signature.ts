import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Notice } from '../../../shared/notice.ts'
import { roomName, roomsOf } from '../../../shared/room.ts'
import { decodeEntry } from '../history.ts'

const SEALED = /^([0-9a-f]{64}):([\d,]*):(.*)$/s

export interface SignerOptions {
  /** The first signs, all of them verify; without any, nothing is signed and nothing verified. */
  readonly keys: readonly string[]
  readonly app: string
}

/** A text from Redis that was signed by one who has a key, or that nobody needs to have signed. */
interface Verified {
  readonly text: string
  /** Which parts of the text count, as the store noted; empty for all. */
  readonly subset: string
}

/**
 * Signs what goes through Redis, so that one who can write there, and has no key, cannot make anyone believe it. `kind`
 * keeps texts of one kind from being taken for another.
 */
export function createSigner(kind: string, { keys, app }: SignerOptions) {
  const signWith = (key: string, text: string): Buffer =>
    createHmac('sha256', key).update(`recall-gateway\n${kind}\n${app}\n`).update(text).digest()
  const [first] = keys

  /** What is put before the text, with a note of the store between them; empty when nothing is signed. */
  const signatureOf = (text: string): string =>
    first === undefined ? '' : signWith(first, text).toString('hex')

  return {
    signatureOf,

    /** The text as it is kept: with its signature before it, if there are keys. */
    sign(text: string): string {
      const signature = signatureOf(text)
      return signature === '' ? text : `${signature}::${text}`
    },

    /** Null for what nobody with a key wrote. */
    verify(stored: string): Verified | null {
      const [, signature = '', note = '', text] = SEALED.exec(stored) ?? []
      if (first === undefined)
        return text === undefined ? { text: stored, subset: '' } : { text, subset: note }
      if (text === undefined) return null
      const given = Buffer.from(signature, 'hex')
      return keys.some((key) => timingSafeEqual(given, signWith(key, text))) ? { text, subset: note } : null
    },
  }
}

export type Signer = ReturnType<typeof createSigner>

/** Reads an entry of the log of a room, named as in `roomName`; null for one that no gateway wrote there. */
export type ReadEntry = (entry: string, offset: number, room: string) => Notice | null

/** Trusts nothing that stands in Redis: who signed it, what it is, and whether it belongs where it stands. */
export function createReadEntry(seal: Signer): ReadEntry {
  return (entry, offset, room) => {
    const opened = seal.verify(entry)
    const notice = opened && decodeEntry(opened.text, offset)
    if (notice === null || !roomsOf(notice).some((one) => isNamed(one, room))) return null
    return opened?.subset ? onlyNew(notice, opened.subset) : notice
  }
}

function isNamed(room: Parameters<typeof roomName>[0], name: string): boolean {
  try {
    return roomName(room) === name
  } catch {
    return false
  }
}

/** Without the messages that were known already when it was published: `note` numbers the others, from 0. */
function onlyNew(notice: Notice, note: string): Notice | null {
  const numbers = new Set(note.split(',').map(Number))
  const messages = notice.messages.filter((_message, i) => numbers.has(i))
  return messages.length === 0 ? null : { ...notice, messages }
}
