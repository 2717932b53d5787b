/** Constants that the build sets (asc --use), for editors. */
declare const DEBUG: i32;
declare const STEPPED: i32;
