import type { RecalledAt } from '../../../shared/recall.ts'
import { useSpeech } from '../i18n/i18n.ts'
import { inRanges } from '../ui/ranges.ts'

interface SeqAnswerProps {
  readonly first: number
  readonly last: number
  readonly recalled: readonly RecalledAt[]
}

/** In words, and as a field with one square a message. */
export function SeqAnswer({ first, last, recalled }: SeqAnswerProps) {
  const { words, time } = useSpeech()
  const times = new Map(recalled.map(({ seq, atMs }) => [seq, atMs]))
  const seqs = [...times.keys()].toSorted((one, other) => one - other)
  const asked = Array.from({ length: last - first + 1 }, (_, i) => first + i)
  return (
    <div class="answer" role="status">
      <p>
        <strong>{words.history.answer(seqs.length, asked.length)}</strong>
      </p>
      {seqs.length > 0 && (
        <>
          <div class="squares" aria-hidden="true">
            {asked.map((seq) => {
              const atMs = times.get(seq)
              return (
                <i
                  key={seq}
                  class={atMs === undefined ? '' : 'recalled'}
                  title={atMs === undefined ? `${seq}` : `${seq} · ${time(atMs)}`}
                />
              )
            })}
          </div>
          <p class="ranges">{inRanges(seqs).join(', ')}</p>
        </>
      )}
    </div>
  )
}
