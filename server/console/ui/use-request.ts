import { useRef, useState } from 'preact/hooks'

interface Answered<T> {
  readonly answer?: T
  readonly error?: unknown
}

/** What the gateway answered to the latest question: an answer to an earlier one may come later, and is not shown then. */
export function useRequest<T>() {
  const [answered, setAnswered] = useState<Answered<T>>({})
  const asked = useRef(0)

  /** `last` is shown until the answer is there, and stays if there is none. */
  const ask = (question: Promise<T>, last?: T): void => {
    const mine = ++asked.current
    const kept = last === undefined ? {} : { answer: last }
    const show = (next: Answered<T>): void => {
      if (mine === asked.current) setAnswered(next)
    }
    show(kept)
    question.then(
      (answer) => show({ answer }),
      (error: unknown) => show({ ...kept, error }),
    )
  }
  return { ...answered, ask }
}
