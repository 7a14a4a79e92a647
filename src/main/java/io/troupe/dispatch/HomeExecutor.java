package io.troupe.dispatch;

import com.typesafe.config.Config;
import java.util.List;
import java.util.concurrent.AbstractExecutorService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import org.apache.pekko.dispatch.DispatcherPrerequisites;
import org.apache.pekko.dispatch.ExecutorServiceConfigurator;
import org.apache.pekko.dispatch.ExecutorServiceFactory;
import org.apache.pekko.dispatch.ForkJoinExecutorConfigurator;

/**
 * The executor of a dispatcher whose actors run on the {@link HomeThread} that sent them a message, and on a pool of their
 * own where another kind of thread did. Named in the dispatcher's settings, whose {@code fork-join-executor} is the pool.
 *
 * <p>An actor still runs on one thread at a time, and its messages keep their order: Pekko schedules a mailbox once.
 */
public final class HomeExecutor extends ExecutorServiceConfigurator {
    private final ForkJoinExecutorConfigurator pool;

    /** Called by Pekko with the dispatcher's settings. */
    public HomeExecutor(Config dispatcher, DispatcherPrerequisites prerequisites) {
        super(dispatcher, prerequisites);
        this.pool = new ForkJoinExecutorConfigurator(dispatcher.getConfig("fork-join-executor"), prerequisites);
    }

    @Override
    public ExecutorServiceFactory createExecutorServiceFactory(String id, ThreadFactory threads) {
        ExecutorServiceFactory factory = pool.createExecutorServiceFactory(id, threads);
        return () -> new Service(factory.createExecutorService());
    }

    private static final class Service extends AbstractExecutorService {
        private final ExecutorService pool;

        Service(ExecutorService pool) {
            this.pool = pool;
        }

        @Override
        public void execute(Runnable task) {
            HomeThread.execute(task, pool);
        }

        @Override
        public void shutdown() {
            pool.shutdown();
        }

        @Override
        public List<Runnable> shutdownNow() {
            return pool.shutdownNow();
        }

        @Override
        public boolean isShutdown() {
            return pool.isShutdown();
        }

        @Override
        public boolean isTerminated() {
            return pool.isTerminated();
        }

        @Override
        public boolean awaitTermination(long timeout, TimeUnit unit) throws InterruptedException {
            return pool.awaitTermination(timeout, unit);
        }
    }
}
