import { createHmac, timingSafeEqual } from 'node:crypto'

const SEALED = /^([0-9a-f]{64}):([\d,]*):(.*)$/s

export interface SealOptions {
  /** The first signs, all of them verify; without any, nothing is signed and nothing verified. */
  readonly keys: readonly string[]
  readonly app: string
}

/** A text from Redis that was signed by one who has a key, or that nobody needs to have signed. */
interface Opened {
  readonly text: string
  /** Which parts of the text count, as the store noted; empty for all. */
  readonly note: string
}

/**
 * Signs what goes through Redis, so that one who can write there, and has no key, cannot make anyone believe it. `kind`
 * keeps texts of one kind from being taken for another.
 */
export function createSeal(kind: string, { keys, app }: SealOptions) {
  const signWith = (key: string, text: string): Buffer =>
    createHmac('sha256', key).update(`recall-gateway\n${kind}\n${app}\n`).update(text).digest()
  const [first] = keys

  return {
    /** What is put before the text, with a note of the store between them; empty when nothing is signed. */
    signatureOf: (text: string): string => (first === undefined ? '' : signWith(first, text).toString('hex')),

    /** Null for what nobody with a key wrote. */
    open(stored: string): Opened | null {
      const [, signature = '', note = '', text] = SEALED.exec(stored) ?? []
      if (first === undefined) return text === undefined ? { text: stored, note: '' } : { text, note }
      if (text === undefined) return null
      const given = Buffer.from(signature, 'hex')
      return keys.some((key) => timingSafeEqual(given, signWith(key, text))) ? { text, note } : null
    },
  }
}

export type Seal = ReturnType<typeof createSeal>
