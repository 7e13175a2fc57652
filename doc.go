// Package gatehouse holds the words of the whole program: the people, apps,
// connections, clients, connectors, accounts and changes that everything else
// works on, and the errors that everything else returns. It imports the
// standard library only and does nothing by itself. docs/glossary.md explains
// every word to a reader who does not know Go.
package gatehouse
