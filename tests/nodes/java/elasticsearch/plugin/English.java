import org.apache.lucene.analysis.en.EnglishAnalyzer;
import org.elasticsearch.index.analysis.AnalyzerProvider;
import org.elasticsearch.index.analysis.AnalyzerScope;

/** The english analyzer as Elasticsearch's own module has it: Lucene's, with its defaults. */
record English(String name, EnglishAnalyzer get) implements AnalyzerProvider<EnglishAnalyzer> {
    English(String name) {
        this(name, new EnglishAnalyzer());
    }

    @Override
    public AnalyzerScope scope() {
        return AnalyzerScope.INDEX;
    }
}
