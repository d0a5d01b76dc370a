/**
 * Returns a copy, all the way down, of what a node sent. Each call of the application receives its own: what it changes
 * concerns neither other listeners, nor the next call for the same notice.
 */
export function copyOf<Value>(value: Value): Value {
  if (Array.isArray(value)) return (value as unknown[]).map(copyOf) as Value
  if (typeof value !== 'object' || value === null) return value
  const copy: Record<string, unknown> = {}
  for (const [key, part] of Object.entries(value)) copy[key] = copyOf(part as unknown)
  return copy as Value
}
