/** Whether a value that `JSON.parse` returned is an object: not an array, not null. */
export const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Returns the object that a text holds as JSON; undefined for any other text. */
export function parseRecord(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}

/** Deeper than any value of ours, and than what later versions add to one. */
const MAX_DEPTH = 16

/** Whether a value that `JSON.parse` returned can be written again: parsing takes any depth, writing overflows the stack. */
export const isShallow = (value: unknown, depth = MAX_DEPTH): boolean =>
  typeof value !== 'object' ||
  value === null ||
  (depth > 0 && Object.values(value).every((one) => isShallow(one, depth - 1)))
