import { codePoints, splitUnseen } from '../state/visible-text.ts'

interface NameProps {
  readonly text: string
  readonly class?: string
  readonly lang?: string
}

/**
 * Any text that comes from outside, such as the name of a group or of a user. It is isolated, because right-to-left text must
 * not reorder its surroundings, and what a reader would not see, or be misled by, is marked. Copied, it is the name itself.
 */
export function Name({ text, ...attributes }: NameProps) {
  return (
    <bdi {...attributes}>
      {splitUnseen(text).map((part, i) =>
        part.isUnseen ? (
          <span key={i} class="unseen" data-code={codePoints(part.text)} title={codePoints(part.text)}>
            {part.text}
          </span>
        ) : (
          part.text
        ),
      )}
    </bdi>
  )
}
