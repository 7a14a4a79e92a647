package io.troupe.controller;

import java.util.concurrent.CompletionStage;

/**
 * How the rest of a broker asks the controller, wherever it runs. Gives each command an id, finds the controller, and
 * repeats until answered or until the time is up.
 */
public interface ControllerClient {
    /**
     * Sends a command.
     *
     * @return never fails: a {@link ControllerReply.Refused} with REQUEST_TIMED_OUT when no controller answered in time.
     *     Completed only when this broker's own image has the change, so that what was just created can be used at once
     */
    CompletionStage<ControllerReply> submit(ControllerCommand command, int timeoutMs);
}
