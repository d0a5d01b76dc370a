/** Drawn in a 24 × 24 box with 1.75 wide strokes. */
const PATHS = {
  feed: 'M4 12h4l2.5-7 4 14L17 12h3',
  rooms: 'M4 5h16v11H10l-4 4v-4H4z',
  history: 'M4 12a8 8 0 1 0 2.6-5.9M4 4v4h4M12 8v4l3 2',
  health: 'M12 20s-7.5-4.6-7.5-10A4.2 4.2 0 0 1 12 7.4 4.2 4.2 0 0 1 19.5 10c0 5.4-7.5 10-7.5 10z',
  quarantine: 'M5 9h14v11H5zM8 9V7a4 4 0 0 1 8 0v2M12 13v3',
  test: 'M4 12 20 4l-5 16-3.5-6.5zM11.5 13.5 20 4',
  theme: 'M12 3a9 9 0 1 0 9 9 7 7 0 0 1-9-9z',
  docs: 'M6 3h9l4 4v14H6zM9 12h7M9 16h7',
  logOut: 'M10 4H5v16h5M14 8l4 4-4 4M18 12H9',
  pause: 'M8 5v14M16 5v14',
  resume: 'M7 4.5v15l12-7.5z',
  close: 'M6 6l12 12M18 6 6 18',
  filter: 'M4 5h16l-6 7.5V19l-4-2v-4.5z',
  up: 'M12 19V5M6 11l6-6 6 6',
  warning: 'M12 4 2.5 20h19zM12 10v4.5M12 17.3v.2',
} as const

export type IconName = keyof typeof PATHS

/** Hidden from screen readers: use it only next to text or on a labelled button. */
export function Icon({ name }: { readonly name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  )
}
