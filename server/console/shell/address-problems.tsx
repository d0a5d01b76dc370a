import { useLocale } from '../i18n/i18n.ts'
import type { AddressProblem } from '../state/place.ts'
import { Icon } from '../ui/icon.tsx'
import { Name } from '../ui/name.tsx'

/** Says what is wrong with the address that was opened: the page then shows less than its sender meant. */
export function AddressProblems({ problems }: { readonly problems: readonly AddressProblem[] }) {
  const { t } = useLocale()
  if (problems.length === 0) return null
  return (
    <div class="gap-note address-problems" role="alert">
      <Icon name="warning" />
      <ul>
        {problems.map(({ kind, text }) => (
          <li key={kind + text}>
            {t.find.address[kind]}{' '}
            <code>
              <Name text={text} />
            </code>
          </li>
        ))}
      </ul>
    </div>
  )
}
