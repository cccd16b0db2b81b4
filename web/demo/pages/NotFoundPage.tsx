import { Link } from 'react-router'
import { Page } from '../ui/Page.tsx'

export function NotFoundPage() {
  return (
    <div className="plain">
      <Page title="Page not found">
        <p className="lede">There is nothing at this address, or it belongs to somebody else.</p>
        <Link to="/shoots" className="button button-primary">
          To the shoots
        </Link>
      </Page>
    </div>
  )
}
