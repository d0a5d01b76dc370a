import { useRef, useState } from 'preact/hooks'

interface RequestState<T> {
  readonly result?: T
  readonly error?: unknown
}

/** The outcome of the latest request. An earlier request may finish later; its outcome is discarded. */
export function useRequest<T>() {
  const [state, setState] = useState<RequestState<T>>({})
  const requests = useRef(0)

  /** `previous` is shown until the request succeeds, and stays if it fails. */
  const run = (request: Promise<T>, previous?: T): void => {
    const id = ++requests.current
    const pending = previous === undefined ? {} : { result: previous }
    const show = (next: RequestState<T>): void => {
      if (id === requests.current) setState(next)
    }
    show(pending)
    request.then(
      (result) => show({ result }),
      (error: unknown) => show({ ...pending, error }),
    )
  }
  return { ...state, run }
}
