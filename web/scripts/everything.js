// What the size is measured of: all that an app can import.
export * from '@kull/sync'
export * from '@kull/sync/react'
