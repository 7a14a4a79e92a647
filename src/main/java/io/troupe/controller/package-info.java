/**
 * Decides what the cluster is: pure decisions on the image, the metadata quorum that commits them, the singleton
 * Controller, each broker's BrokerMetadata, and the forming of the cluster. Entry: {@link io.troupe.controller.ControllerClient}.
 */
package io.troupe.controller;
