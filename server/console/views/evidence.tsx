import { useState } from 'preact/hooks'
import { conversationOf } from '../../../shared/conversation.ts'
import { parseFilter } from '../../../shared/filter.ts'
import type { Notice } from '../../../shared/notice.ts'
import { FEED } from '../../../shared/room.ts'
import type { Room } from '../../../shared/room.ts'
import { useLocale } from '../i18n/i18n.ts'
import { searchFor } from '../state/evidence.ts'
import type { EvidenceEnd } from '../state/evidence.ts'
import { MAX_HELD_BYTES } from '../state/export.ts'
import { evidenceKey } from '../state/saved-files.ts'
import { RoomLabel } from '../ui/conversation.tsx'
import { Copyable, CopyArea } from '../ui/copy.tsx'
import { asRefusal, Failure } from '../ui/labels.tsx'
import { Menu } from '../ui/menu.tsx'
import { Name } from '../ui/name.tsx'
import { useStore } from '../ui/store-context.ts'

interface EvidenceProps {
  readonly room: Room
  /** Which recalls the file shows, in the language of `shared/filter.ts`; empty for all. */
  readonly q: string
}

interface EvidenceMenuProps extends Pick<EvidenceProps, 'q'> {
  /** The room whose log a search looks through first; undefined if there is none yet. */
  readonly room: Room | undefined
}

/** Evidence of what a list shows. */
export function EvidenceMenu({ room = FEED, q }: EvidenceMenuProps) {
  const { t } = useLocale()
  return (
    <Menu icon="evidence" label={t.act.evidence.button}>
      <EvidenceForm room={room} q={q} />
    </Menu>
  )
}

/** Evidence of one recall, from the log of its conversation. */
export function EvidenceOfRecall({ notice }: { readonly notice: Notice }) {
  const { t } = useLocale()
  const [isOpen, setOpen] = useState(false)
  return (
    <>
      <h3 class="screen-only">{t.act.evidence.title}</h3>
      {isOpen ? (
        <EvidenceForm room={conversationOf(notice)} q={searchFor(notice)} />
      ) : (
        <div class="actions">
          <button type="button" class="quiet small" onClick={() => setOpen(true)}>
            {t.act.evidence.button} …
          </button>
        </div>
      )}
    </>
  )
}

/** Says what the file will hold and what it proves, saves it, and says how it is checked. */
function EvidenceForm({ room, q }: EvidenceProps) {
  const { t, number } = useLocale()
  const { files } = useStore()
  const texts = t.act.evidence
  const key = evidenceKey(room, q)
  const file = files.find(key)
  const state = file?.state
  const megabytes = (bytes: number): string => number(bytes / 1_000_000)
  return (
    <div class="evidence">
      <p>
        <strong>
          <RoomLabel room={room} />
        </strong>{' '}
        {q.trim() === '' ? (
          texts.all
        ) : (
          <code>
            <Name text={q} />
          </code>
        )}
      </p>
      <p class="hint">{texts.hint}</p>
      <p class="hint">
        {texts.limits}{' '}
        <a href="docs/evidence.html" target="_blank" rel="noopener">
          {texts.more}
        </a>
      </p>
      <div class="actions">
        <button
          type="button"
          class="small"
          disabled={state?.kind === 'running' || !parseFilter(q).ok}
          onClick={() => files.saveEvidence(room, q)}
        >
          {texts.save}
        </button>
        {state?.kind === 'running' && (
          <button type="button" class="quiet small" onClick={() => files.cancel(key)}>
            {t.find.export.cancel}
          </button>
        )}
      </div>
      <div role="status">
        {state?.kind === 'running' && t.find.export.running(megabytes(state.bytes))}
        {state?.kind === 'cancelled' && t.find.export.cancelled}
        {state?.kind === 'too-large' && texts.tooLarge(megabytes(MAX_HELD_BYTES))}
        {file !== undefined && state?.kind === 'saved' && (
          <Saved room={room} name={file.name} end={file.end} />
        )}
      </div>
      {state?.kind === 'failed' && <Failure refusal={asRefusal(state.failure)} />}
    </div>
  )
}

interface SavedProps extends Pick<EvidenceProps, 'room'> {
  readonly name: string
  readonly end: EvidenceEnd | undefined
}

/** Whose key signed the file, and how anybody can check it. */
function Saved({ room, name, end }: SavedProps) {
  const { t } = useLocale()
  const texts = t.act.evidence
  if (end === undefined) return <p class="failure">{texts.cutOff}</p>
  const command = `recall-gateway verify ${name} --key ${end.publicKey}`
  return (
    <CopyArea>
      <p>
        <strong>{texts.saved(end.shown, end.entries)}</strong>
      </p>
      {end.shown === 0 && <p class="failure">{texts.showsNone}</p>}
      {end.shown === 0 && room.group !== undefined && <p class="hint">{texts.seeFeed}</p>}
      {end.problem !== undefined && (
        <p class="failure">
          {texts.partial} <Name lang="en" text={end.problem} />
        </p>
      )}
      <dl>
        <div>
          <dt>{texts.file}</dt>
          <dd>
            <Name text={name} />
          </dd>
        </div>
        <div>
          <dt>{texts.key}</dt>
          <dd>
            <Copyable text={end.publicKey} what={texts.key}>
              <code>{end.key}</code>
            </Copyable>
          </dd>
        </div>
        <div>
          <dt>{texts.verify}</dt>
          <dd>
            <Copyable text={command} what={texts.verify}>
              <code>{command}</code>
            </Copyable>
          </dd>
        </div>
      </dl>
      <p class="hint">{texts.keyHint}</p>
    </CopyArea>
  )
}
