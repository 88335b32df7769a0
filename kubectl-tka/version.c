#include "kubectl-tka/handlers.h"
#include "kubectl-tka/output.h"

bool cmd_version(const struct config *config, struct error *err)
{
        static const struct output_view view = { .name = "version" };
        enum output_format format = output_format_parse(config->output, OUTPUT_TABLE);
        scoped(buf_clear) struct buf text = { 0 };
        json_auto_t *document = json_pack("{s:s}", "version", VERSION);

        if (format == OUTPUT_TABLE)
                buf_add(&text, "kubectl-tka " VERSION "\n");
        else
                output_print(format, &view, document, &text);
        return output_write(&text, err);
}
