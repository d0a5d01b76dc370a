/*
 * What all models share. A model is compiled once. `DEFECT` in the environment chooses one of the defects that it lists; the
 * checker must then refute the property that the line names.
 */

byte defect

/* Called first. */
#define CHOOSE_DEFECT \
  c_code { const char *number = getenv("DEFECT"); now.defect = number ? atoi(number) : 0; }

/* Every situation must occur in the full search, so that nothing is true only because it is about nothing. */
#define REACHED(situation) c_code { static int times; if (!times++) printf("reached: " #situation "\n"); }

/* The search ends here, and the trail with the name of the property. */
#define VIOLATED(property) c_code { printf("violated: " #property "\n"); }; assert(false)
