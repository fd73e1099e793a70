import java.lang.reflect.Method;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.env.Environment;
import org.elasticsearch.node.Node;
import org.elasticsearch.plugins.PluginBundle;
import org.elasticsearch.plugins.PluginsLoader;

/**
 * Starts one node in this process: {@code StartNode HOME session|kept [setting=value ...]}.
 * A session's node ends when its standard input closes, so it never outlives the tests that started it.
 */
public class StartNode {
    public static void main(String[] args) throws Exception {
        Path home = Path.of(args[0]).toAbsolutePath();
        Settings.Builder settings = Settings.builder().put("path.home", home.toString());
        for (int i = 2; i < args.length; i++) {
            String[] pair = args[i].split("=", 2);
            settings.put(pair[0], pair[1]);
        }
        if (args[1].equals("session")) {
            endWithStandardInput();
        }
        Environment environment = new Environment(settings.build(), home.resolve("config"));
        LogConfigurator.setNodeName("test");
        LogConfigurator.configure(environment, true);
        Node node = new Node(environment, PluginsLoader.createPluginsLoader(
            bundles("loadModulesBundles", directory(environment, "modulesDir", "modulesFile")),
            bundles("loadPluginsBundles", directory(environment, "pluginsDir", "pluginsFile")), Map.of()));
        Runtime.getRuntime().addShutdownHook(new Thread(() -> {
            try {
                node.close();
            } catch (Exception e) {
                e.printStackTrace();
            }
        }));
        node.start();
        new CountDownLatch(1).await();
    }

    private static void endWithStandardInput() {
        Thread watcher = new Thread(() -> {
            try {
                while (System.in.read() != -1) { }
            } catch (java.io.IOException closed) {
                // the same as its end
            }
            Runtime.getRuntime().exit(0);
        });
        watcher.setDaemon(true);
        watcher.start();
    }

    /** The two majors name these methods differently. */
    private static Path directory(Environment environment, String... names) throws Exception {
        for (String name : names) {
            for (Method method : Environment.class.getMethods()) {
                if (method.getName().equals(name)) {
                    return (Path) method.invoke(environment);
                }
            }
        }
        throw new IllegalStateException("Environment has none of " + String.join(", ", names));
    }

    @SuppressWarnings("unchecked")
    private static Set<PluginBundle> bundles(String name, Path directory) throws Exception {
        for (Method method : PluginsLoader.class.getMethods()) {
            if (method.getName().equals(name)) {
                boolean alone = method.getParameterCount() == 1;
                return (Set<PluginBundle>) (alone ? method.invoke(null, directory) : method.invoke(null, directory, false));
            }
        }
        throw new IllegalStateException("PluginsLoader has no " + name);
    }
}
