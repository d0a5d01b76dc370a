import { createHmac } from 'node:crypto'

/** Of a mark under one key: hexadecimal characters. */
const LENGTH = 4
/** Two of each kind are in use while they are changed. */
const MAX_KEYS_OF_A_KIND = 2

/** The secrets that processes have in common, of which none can be guessed. */
interface CommonSecrets {
  readonly REDIS_SIGNING_KEY: readonly string[]
  readonly JWT_SECRET: readonly string[]
}

/** Settings that differ between two processes without a common key. */
export const KEY_SETTINGS: readonly string[] = [
  'REDIS_SIGNING_KEY',
  'JWT_SECRET',
] satisfies (keyof CommonSecrets)[]

/**
 * Makes marks by which processes can compare secrets without telling them. They travel through Redis, and secrets that people have made up
 * can be guessed: so a mark is made with a key that only the processes have, and never another one for the same value.
 */
export function createMarks({ REDIS_SIGNING_KEY, JWT_SECRET }: CommonSecrets) {
  const keys = [REDIS_SIGNING_KEY, JWT_SECRET].flatMap((secrets) =>
    secrets
      .slice(0, MAX_KEYS_OF_A_KIND)
      .map((secret) => createHmac('sha256', secret).update('recall-gateway\nconfiguration\n').digest()),
  )
  const marksOf = (text: string): string =>
    keys.map((key) => createHmac('sha256', key).update(text).digest('hex').slice(0, LENGTH)).join('')
  return {
    /** By which others find out which of the keys they have too. */
    keys: marksOf(''),
    /** Under each of the keys, in the order of `keys`. */
    markOf: (name: string, whole: string): string => marksOf(`${name}\n${whole}`),
  }
}

/** Returns the places of the first key that both processes have, among the keys of each; undefined if there is none. */
export function commonKey(a: string, b: string): readonly [number, number] | undefined {
  for (let i = 0; i < a.length; i += LENGTH)
    for (let j = 0; j < b.length; j += LENGTH)
      if (a.slice(i, i + LENGTH) === b.slice(j, j + LENGTH)) return [i, j]
  return undefined
}

/** Returns the mark at the place of a key. */
export const markAt = (mark: string, place: number): string => mark.slice(place, place + LENGTH)
