import { useEffect, useState } from 'preact/hooks'

/** As in `style/list.css`: one line, and two on a narrow screen. */
const WIDE_PX = 40
const NARROW_PX = 64
const narrow = matchMedia('(max-width: 47.99rem)')

/** How high each row of a list is. */
export function useRowHeight(): number {
  const [isNarrow, setNarrow] = useState(narrow.matches)
  useEffect(() => {
    const onChange = (): void => setNarrow(narrow.matches)
    narrow.addEventListener('change', onChange)
    return () => narrow.removeEventListener('change', onChange)
  }, [])
  return isNarrow ? NARROW_PX : WIDE_PX
}
