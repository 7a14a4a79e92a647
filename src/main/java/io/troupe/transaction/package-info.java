/** The transaction coordinator, its pure core and its actor. Nothing lives here yet. */
package io.troupe.transaction;
