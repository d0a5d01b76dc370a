const NAMES = ['feed', 'rooms', 'history', 'health', 'test'] as const

export type ViewName = (typeof NAMES)[number]

/** The view that the address names in its fragment. */
export function viewInAddress(): ViewName | undefined {
  const name = location.hash.slice(1)
  return NAMES.find((one) => one === name)
}
