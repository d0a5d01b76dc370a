/** Rows above and below what is seen, so that scrolling shows no white. */
const SPARE_ROWS = 8

/** Where a list is scrolled to. */
export interface Viewport {
  readonly topPx: number
  readonly heightPx: number
  readonly rowPx: number
}

/** The rows that are drawn: from `first` up to, and without, `end`. */
export interface RowWindow {
  readonly first: number
  readonly end: number
}

/** Which of `count` rows of the same height are worth drawing. */
export function rowWindow({ topPx, heightPx, rowPx }: Viewport, count: number): RowWindow {
  const first = Math.floor(topPx / rowPx) - SPARE_ROWS
  const end = Math.ceil((topPx + heightPx) / rowPx) + SPARE_ROWS
  const clamp = (index: number): number => Math.min(Math.max(index, 0), count)
  return { first: clamp(first), end: clamp(end) }
}

/** Where to scroll so that the row at `index` is seen whole; where it is, when it is already. */
export function scrollTopFor({ topPx, heightPx, rowPx }: Viewport, index: number): number {
  const rowTopPx = index * rowPx
  if (rowTopPx < topPx) return rowTopPx
  return Math.max(topPx, rowTopPx + rowPx - heightPx)
}

/** How many of the rows at the end came after the one with this key. */
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
