import { Icon } from '../ui/icon.tsx'
import { useSpeech } from '../i18n/i18n.ts'
import type { NoticeRow, Row } from '../state/row.ts'

/** What one must know to trust the list. */
export function Remark({ row }: { readonly row: Exclude<Row, NoticeRow> }) {
  const { words } = useSpeech()
  switch (row.kind) {
    case 'gap':
      return (
        <>
          <Icon name="warning" />
          <strong>{words.rows.gap}</strong> <span>{words.gapReasons[row.reason]}</span>
        </>
      )
    case 'recovered':
      return (
        <>
          <Icon name="up" />
          <span>{words.rows.recovered(row.count)}</span>
        </>
      )
    case 'goodbye':
      return (
        <span>
          {words.rows.goodbye(row.goodbye.code)} {words.goodbyes[row.goodbye.code] ?? row.goodbye.reason}
        </span>
      )
  }
}
