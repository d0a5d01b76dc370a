/** Drawn in a 24 × 24 box with 1.75 wide strokes. */
const PATHS = {
  feed: 'M4 12h4l2.5-7 4 14L17 12h3',
  search: 'M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5 20 20',
  save: 'M6 4h12v16l-6-4-6 4z',
  export: 'M12 4v11M7 10.5l5 5 5-5M5 20h14',
  keyboard: 'M3 7h18v10H3zM7 11h.1M11 11h.1M15 11h.1M8 14h8',
  rooms: 'M4 5h16v11H10l-4 4v-4H4z',
  history: 'M4 12a8 8 0 1 0 2.6-5.9M4 4v4h4M12 8v4l3 2',
  health: 'M12 20s-7.5-4.6-7.5-10A4.2 4.2 0 0 1 12 7.4 4.2 4.2 0 0 1 19.5 10c0 5.4-7.5 10-7.5 10z',
  quarantine: 'M5 9h14v11H5zM8 9V7a4 4 0 0 1 8 0v2M12 13v3',
  clock: 'M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16zM12 8v4l3 2',
  test: 'M4 12 20 4l-5 16-3.5-6.5zM11.5 13.5 20 4',
  theme: 'M12 3a9 9 0 1 0 9 9 7 7 0 0 1-9-9z',
  docs: 'M6 3h9l4 4v14H6zM9 12h7M9 16h7',
  logOut: 'M10 4H5v16h5M14 8l4 4-4 4M18 12H9',
  pause: 'M8 5v14M16 5v14',
  resume: 'M7 4.5v15l12-7.5z',
  close: 'M6 6l12 12M18 6 6 18',
  filter: 'M4 5h16l-6 7.5V19l-4-2v-4.5z',
  up: 'M12 19V5M6 11l6-6 6 6',
  check: 'M5 12.5l4.5 4.5L19 7.5',
  copy: 'M9 9h11v11H9zM5 15H4V4h11v1',
  link: 'M10 14a4 4 0 0 0 6 .4l3-3a4 4 0 0 0-5.6-5.6L12 7.2M14 10a4 4 0 0 0-6-.4l-3 3a4 4 0 0 0 5.6 5.6L12 16.8',
  print: 'M7 9V4h10v5M7 18H4V9h16v9h-3M7 14h10v6H7z',
  evidence: 'M12 3l7.5 3v6c0 4.6-3.2 7.7-7.5 9-4.3-1.3-7.5-4.4-7.5-9V6zM8.5 12l2.5 2.5 4.5-5',
  user: 'M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4.5 20a7.5 7.5 0 0 1 15 0',
  rings: 'M6 17V11a6 6 0 0 1 12 0v6l1.5 1.5h-15zM10 21h4',
  access: 'M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM3.5 20a7.5 7.5 0 0 1 10-6.5M15 15l6 6M21 15l-6 6',
  audit: 'M6 3h12v18H6zM9 8h6M9 12h6M9 16h3',
  busiest: 'M5 20v-9M12 20V4M19 20v-6',
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
