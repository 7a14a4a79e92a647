/** On which threads actors run. */
package io.troupe.dispatch;
