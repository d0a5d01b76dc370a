import { useEffect, useRef, useState } from 'preact/hooks'
import { roomName } from '../../../shared/room.ts'
import { address } from '../state/address.ts'
import { asApiError } from '../state/api.ts'
import type { Api, ApiError } from '../state/api.ts'
import type { KeyedRow } from '../state/feed.ts'
import { findRow, placeOf, readRecall } from '../state/open-recall.ts'
import type { Missing } from '../state/open-recall.ts'
import type { RecallPlace } from '../state/place.ts'
import type { OpenRow } from './details.tsx'

interface OpenRecall {
  readonly open: OpenRow | undefined
  /** Why the recall that the address names cannot be shown. */
  readonly failure: Missing | ApiError | undefined
  readonly onOpen: (row: KeyedRow) => void
  readonly onClose: () => void
}

/** The key of what was read for an address, and is in no list: those of rows are above or below. */
const NOT_IN_LIST = 0

/** The recall that the address says is open: from the rows of the list, otherwise read from its log. */
export function useOpenRecall(api: Api, rows: readonly KeyedRow[]): OpenRecall {
  const place = address.parts.open
  const name = place === undefined ? '' : textOf(place)
  const latest = useRef<{ readonly name: string; readonly open: OpenRow } | undefined>(undefined)
  const [failed, setFailed] = useState<{ readonly name: string; readonly failure: Missing | ApiError }>()
  const [, setRead] = useState('')

  const known = latest.current?.name === name ? latest.current.open : undefined
  if (place !== undefined && (known === undefined || known.key === NOT_IN_LIST)) {
    const found = findRow(rows, place)
    if (found?.row.kind === 'notice') latest.current = { name, open: { key: found.key, row: found.row } }
  }
  const open = latest.current?.name === name ? latest.current.open : undefined
  const isMissing = place !== undefined && open === undefined

  useEffect(() => {
    if (place === undefined || !isMissing) return
    let isCurrent = true
    const read = async (): Promise<void> => {
      const row = await readRecall(api, place).catch(asApiError)
      if (!isCurrent) return
      if (typeof row === 'string' || !('kind' in row)) return setFailed({ name, failure: row })
      latest.current = { name, open: { key: NOT_IN_LIST, row } }
      setRead(name)
    }
    void read()
    return () => {
      isCurrent = false
    }
  }, [name, isMissing])

  return {
    open,
    failure: isMissing && failed?.name === name ? failed.failure : undefined,
    onOpen({ key, row }) {
      if (row.kind !== 'notice') return
      const opened = placeOf(row)
      latest.current = { name: textOf(opened), open: { key, row } }
      address.set({ open: opened }, 'push')
    },
    onClose: () => address.set({ open: undefined }, 'push'),
  }
}

const textOf = ({ room, epoch, offset }: RecallPlace): string => `${roomName(room)}@${epoch}:${offset}`
