import { isIdentifier } from '../../../shared/identifier.ts'

/** How many message keys the page asks for at a time: they are part of an address, whose length is limited. */
export const MAX_KEYS = 50

/**
 * Parses a list of message keys (`MsgKey`), separated by commas, spaces or lines; each is returned once. Returns undefined for anything
 * else.
 */
export function parseKeys(text: string): readonly string[] | undefined {
  const keys = [...new Set(text.split(/[\s,，、]+/u).filter((part) => part !== ''))]
  return keys.length > 0 && keys.length <= MAX_KEYS && keys.every(isIdentifier) ? keys : undefined
}
