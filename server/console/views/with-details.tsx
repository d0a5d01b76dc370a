import type { ComponentChildren } from 'preact'
import type { Api } from '../state/api.ts'
import type { NoticeRow } from '../state/row.ts'
import { Details } from './details.tsx'

/** A row of a list that is open beside it. */
export interface OpenRow {
  readonly key: number
  readonly row: NoticeRow
}

interface WithDetailsProps {
  readonly open: OpenRow | undefined
  readonly api: Api
  readonly onClose: () => void
  readonly class?: string
  readonly 'aria-label'?: string
  readonly 'aria-labelledby'?: string
  /** The list, and what belongs to it. */
  readonly children: ComponentChildren
}

/** A list, and the one of its recalls that is open. */
export function WithDetails({ open, api, onClose, class: own = '', children, ...names }: WithDetailsProps) {
  return (
    <section class={`${own} with-details${open === undefined ? '' : ' opened'}`} {...names}>
      <div class="list-side">{children}</div>
      {open !== undefined && <Details key={open.key} row={open.row} api={api} onClose={onClose} />}
    </section>
  )
}
