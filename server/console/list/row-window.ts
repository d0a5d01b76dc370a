/** Extra rows above and below the visible ones, so that scrolling shows no blank space. */
const OVERSCAN_ROWS = 8

/** The part of a list that is visible. */
export interface Viewport {
  readonly topPx: number
  readonly heightPx: number
  readonly rowPx: number
}

/** The rows to render: from `first` up to, but not including, `end`. */
export interface RowWindow {
  readonly first: number
  readonly end: number
}

/** Returns which of `count` rows of equal height to render. */
export function rowWindow({ topPx, heightPx, rowPx }: Viewport, count: number): RowWindow {
  const first = Math.floor(topPx / rowPx) - OVERSCAN_ROWS
  const end = Math.ceil((topPx + heightPx) / rowPx) + OVERSCAN_ROWS
  const clamp = (index: number): number => Math.min(Math.max(index, 0), count)
  return { first: clamp(first), end: clamp(end) }
}

/** Returns the scroll position, in px, at which the row at `index` is fully visible; the current one if it already is. */
export function scrollTopFor({ topPx, heightPx, rowPx }: Viewport, index: number): number {
  const rowTopPx = index * rowPx
  if (rowTopPx < topPx) return rowTopPx
  return Math.max(topPx, rowTopPx + rowPx - heightPx)
}

/** Returns the rows together with those of `others` that are not among them, in order of their keys. Takes O(n). */
export function withRowsOf<T extends { readonly key: number }>(
  rows: readonly T[],
  others: readonly T[],
): readonly T[] {
  if (others.length === 0) return rows
  const merged: T[] = []
  let next = 0
  for (const row of rows) {
    for (let other = others[next]; other !== undefined && other.key <= row.key; other = others[++next])
      if (other.key < row.key) merged.push(other)
    merged.push(row)
  }
  return merged.length + others.length - next === rows.length ? rows : merged.concat(others.slice(next))
}

/** Returns how many rows have a higher key than `key`. Keys must increase. Takes O(log n). */
export function countAfter(rows: readonly { readonly key: number }[], key: number): number {
  let low = 0
  let high = rows.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((rows[middle]?.key ?? 0) > key) high = middle
    else low = middle + 1
  }
  return rows.length - low
}
