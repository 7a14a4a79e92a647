package io.troupe.http;

import java.util.Locale;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.function.BiFunction;
import org.apache.pekko.http.javadsl.model.HttpProtocols;
import org.apache.pekko.http.javadsl.model.HttpRequest;
import org.apache.pekko.http.javadsl.model.HttpResponse;
import org.apache.pekko.stream.Attributes;
import org.apache.pekko.stream.FlowShape;
import org.apache.pekko.stream.Inlet;
import org.apache.pekko.stream.Outlet;
import org.apache.pekko.stream.stage.AbstractInHandler;
import org.apache.pekko.stream.stage.AbstractOutHandler;
import org.apache.pekko.stream.stage.AsyncCallback;
import org.apache.pekko.stream.stage.GraphStage;
import org.apache.pekko.stream.stage.GraphStageLogic;

/** A connection's requests, one at a time, to the handler; tells {@link Connections} when it is busy, and ends when it is asked to and is not. */
final class HttpConnection extends GraphStage<FlowShape<HttpRequest, HttpResponse>> {
    private final Inlet<HttpRequest> in = Inlet.create("HttpConnection.in");
    private final Outlet<HttpResponse> out = Outlet.create("HttpConnection.out");
    private final FlowShape<HttpRequest, HttpResponse> shape = FlowShape.of(in, out);

    private final Connections connections;
    private final BiFunction<HttpRequest, ConnectionTasks, CompletionStage<HttpResponse>> handler;
    private final Executor executor;

    /**
     * @param handler whose future must not fail
     * @param executor for what is left to do when a connection has ended
     */
    HttpConnection(
            Connections connections,
            BiFunction<HttpRequest, ConnectionTasks, CompletionStage<HttpResponse>> handler,
            Executor executor) {
        this.connections = connections;
        this.handler = handler;
        this.executor = executor;
    }

    @Override
    public FlowShape<HttpRequest, HttpResponse> shape() {
        return shape;
    }

    @Override
    public GraphStageLogic createLogic(Attributes attributes) {
        return new Logic();
    }

    /** What a request came to. */
    private record Answer(HttpResponse response, Throwable failure) {}

    private final class Logic extends GraphStageLogic {
        private final AsyncCallback<Answer> answered = createAsyncCallback(this::onAnswer);
        private final AsyncCallback<Boolean> close = createAsyncCallback(asked -> onClose());
        private final AsyncCallback<ConnectionTasks> work = createAsyncCallback(ConnectionTasks::run);
        private ConnectionTasks tasks;
        private Connections.Connection connection;
        private boolean underWay;
        /** The client wants no other answer on this connection than the one under way. */
        private boolean last;

        Logic() {
            super(shape);
            setHandler(in, new AbstractInHandler() {
                @Override
                public void onPush() {
                    onRequest(grab(in));
                }

                @Override
                public void onUpstreamFinish() {
                    // It may still take an answer, but most that end their side have ended both.
                    tasks.clientLeft();
                    if (!underWay) {
                        completeStage();
                    }
                }
            });
            setHandler(out, new AbstractOutHandler() {
                @Override
                public void onPull() {
                    if (!isClosed(in)) {
                        pull(in);
                    }
                }
            });
        }

        @Override
        public void preStart() {
            tasks = new ConnectionTasks(() -> work.invoke(tasks), subFusingMaterializer(), executor, materializer());
            connection = connections.opened(() -> close.invoke(true), System.nanoTime());
        }

        private void onRequest(HttpRequest request) {
            underWay = true;
            last = isLast(request);
            connections.begun(connection);
            handler.apply(request, tasks)
                    .whenComplete((response, failure) -> answered.invoke(new Answer(response, failure)));
        }

        private boolean isLast(HttpRequest request) {
            String wanted = request.getHeader("Connection")
                    .map(header -> header.value().toLowerCase(Locale.ROOT))
                    .orElse("");
            return request.protocol().equals(HttpProtocols.HTTP_1_0)
                    ? !wanted.contains("keep-alive")
                    : wanted.contains("close");
        }

        private void onAnswer(Answer answer) {
            underWay = false;
            if (answer.failure() != null) {
                failStage(answer.failure());
                return;
            }
            answer.response()
                    .getAttribute(Exchange.SENDING)
                    .ifPresentOrElse(sending -> sending.done().thenRun(this::done), this::done);
            tasks.answered(last);
            push(out, answer.response());
            if (isClosed(in)) {
                completeStage();
            }
        }

        private void done() {
            connections.done(connection, System.nanoTime());
        }

        private void onClose() {
            if (!underWay) {
                completeStage();
            }
        }

        @Override
        public void postStop() {
            tasks.end();
            connections.closed(connection);
        }
    }
}
