#include "schema/openapi.h"

#include <stdlib.h>

#include "lib/error.h"
#include "lib/yaml.h"

/* The bytes of the file as they are, found as headers are: from the root. */
__asm__(".pushsection .rodata\n"
        "openapi_yaml: .incbin \"schema/openapi.yaml\"\n"
        "openapi_yaml_end: .byte 0\n"
        ".popsection\n");
extern const char openapi_yaml[], openapi_yaml_end[];

const json_t *openapi_document(void)
{
        static json_t *document;
        struct error err = { 0 };

        if (document == NULL &&
            !yaml_parse(openapi_yaml, (size_t)(openapi_yaml_end - openapi_yaml), &document, &err))
                abort();
        return document;
}
