import { useEffect, useRef, useState } from 'preact/hooks'
import { address } from '../state/address.ts'
import { asApiError } from '../state/api.ts'
import type { Api, ApiError } from '../state/api.ts'
import type { KeyedRow, NoticeRow } from '../state/feed.ts'
import { findRow, placeOf, placeText, readRecall } from '../state/open-recall.ts'
import type { Missing } from '../state/open-recall.ts'

interface OpenRecall {
  readonly open: NoticeRow | undefined
  /** Why the recall that the address names cannot be shown. */
  readonly failure: Missing | ApiError | undefined
  readonly onOpen: (row: KeyedRow) => void
  readonly onClose: () => void
  /** Reads it once more. */
  readonly onRetry: () => void
}

interface Known {
  readonly name: string
  readonly row: NoticeRow
  /** Whether it was read from its log: a row of the list knows more, such as when it came. */
  readonly isRead: boolean
}

/** The recall that the address says is open: from the rows of the list, otherwise read from its log. */
export function useOpenRecall(api: Api, rows: readonly KeyedRow[]): OpenRecall {
  const place = address.parts.open
  const name = place === undefined ? '' : placeText(place)
  const latest = useRef<Known | undefined>(undefined)
  const [failed, setFailed] = useState<{ readonly name: string; readonly failure: Missing | ApiError }>()
  const [, setRead] = useState('')
  const [attempts, setAttempts] = useState(0)

  const known = latest.current?.name === name ? latest.current : undefined
  if (place !== undefined && (known === undefined || known.isRead)) {
    const found = findRow(rows, place)
    if (found?.row.kind === 'notice') latest.current = { name, row: found.row, isRead: false }
  }
  const open = latest.current?.name === name ? latest.current.row : undefined
  const isMissing = place !== undefined && open === undefined

  useEffect(() => {
    if (place === undefined || !isMissing) return
    let isCurrent = true
    const read = async (): Promise<void> => {
      const row = await readRecall(api, place).catch(asApiError)
      if (!isCurrent) return
      if (typeof row === 'string' || !('kind' in row)) return setFailed({ name, failure: row })
      latest.current = { name, row, isRead: true }
      setRead(name)
    }
    void read()
    return () => {
      isCurrent = false
    }
  }, [name, isMissing, attempts])

  return {
    open,
    failure: isMissing && failed?.name === name ? failed.failure : undefined,
    onOpen({ row }) {
      if (row.kind !== 'notice') return
      const opened = placeOf(row)
      latest.current = { name: placeText(opened), row, isRead: false }
      address.set({ open: opened }, 'push')
    },
    onClose: () => address.set({ open: undefined }, 'push'),
    onRetry() {
      setFailed(undefined)
      setAttempts(attempts + 1)
    },
  }
}
