// What the size of the components is measured of.
export * from '@kull/sync/components'
